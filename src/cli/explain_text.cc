#include "cli/explain_text.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/human.h"
#include "server/units.h"

namespace lifeboat::cli {
namespace {

using Answer = registry::Outlook::Answer;
using Means = http::ExplainReport::Means;
using http::ExplainReport;

constexpr std::size_t kLabel = 9;  ///< "capture" and two spaces
/// Of the tag's past, so many lines.
constexpr std::size_t kPastShown = 3;

std::string row(std::string_view label, std::string_view text) { return wrapped_row(label, text, kLabel); }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

bool is_by_digest(const ExplainReport& report) { return report.reference.find('@') != std::string::npos; }

std::string when_silent(Answer answer) {
  switch (answer) {
    case Answer::stale: return "200, stale, with what is held";
    case Answer::earlier: return "200, stale, with what the tag was before";
    case Answer::not_found: return "404";
    default: return "503";
  }
}

std::string not_found_text(const ExplainReport& report) {
  if (report.means == Means::unknown) return "404: " + report.why_unknown;
  if (report.host.empty()) return "404: nothing of this name and reference was pushed here";
  return "404: it is not held, and its upstream is not configured";
}

std::string unavailable_text(const ExplainReport& report) {
  if (report.host.empty()) return "503: it is hosted here, and what is on disk is damaged";
  const std::string nobody = "no endpoint of " + report.host + " can be asked";
  if (!report.capture.is_here) return "503: it is not held, and " + nobody;
  if (report.outlook.reason == "credential") return "503: " + report.host + " refuses the login";
  if (report.policy && report.policy->max_stale && report.tag &&
      report.tag->fresh_for + *report.policy->max_stale < Duration(0)) {
    return "503: what is held is older than 'max_stale' allows, and " + nobody;
  }
  return "503: it is held in part, and " + nobody;
}

std::string ask_text(const ExplainReport& report) {
  const registry::Outlook& outlook = report.outlook;
  const std::string silent = outlook.when_silent ? when_silent(*outlook.when_silent) : "503";
  if (outlook.waits_at_most) {
    return report.host + " is asked whether the tag has moved (HEAD), for at most " +
           server::render_duration(*outlook.waits_at_most) + ", then 200; without an answer " + silent;
  }
  return report.host + " is asked (GET), since it is not held; without an answer " + silent;
}

/// What a pull gets now.
std::string now_text(const ExplainReport& report) {
  const std::string stale = "200, stale (" + report.outlook.reason + ")";
  const std::string rest =
      report.outlook.fetches_rest ? "; layers that are missing are fetched when they are asked for" : "";
  switch (report.outlook.answer) {
    case Answer::store:
      return (report.host.empty() ? "200: it is hosted here" : "200 from the store, no upstream is asked") + rest;
    case Answer::ask: return ask_text(report) + rest;
    case Answer::stale: return stale + ", with what is held" + rest;
    case Answer::gone: return stale + ", with what is held: the upstream has the tag no more" + rest;
    case Answer::earlier: return stale + ", with what the tag was before: what it is now is held in part";
    case Answer::incomplete: return "200 for the manifest, 503 for what it names and is not held";
    case Answer::unavailable: return unavailable_text(report);
    case Answer::not_found: return not_found_text(report);
  }
  return "";
}

std::string means_text(const ExplainReport& report) {
  switch (report.means) {
    case Means::host: return "upstream " + report.host + ", repository " + report.repository;
    case Means::default_host:
      return report.repository + ": no host is named and nothing of that name is hosted here, so upstream " +
             report.host + " is meant";
    case Means::hosted: return "repository " + report.repository + ", hosted here";
    case Means::unknown: return "no repository here";
  }
  return "";
}

std::string freshness_text(const ExplainReport& report) {
  const ExplainReport::Tag& tag = *report.tag;
  if (report.host.empty()) return "pushed " + human_duration(tag.confirmed_ago) + " ago";
  std::string text = tag.is_gone ? "the upstream said " : "confirmed ";
  text += human_duration(tag.confirmed_ago) + " ago";
  if (tag.is_gone) text += " that it has the tag no more";
  if (tag.fresh_for > std::chrono::seconds(0)) return text + ", fresh for " + human_duration(tag.fresh_for) + " more";
  return text + ", not fresh for " + human_duration(-tag.fresh_for);
}

std::string held_rows(const ExplainReport& report) {
  if (!report.capture.is_here && !report.tag) return row("held", "nothing");
  std::string text = row("held", report.digest);
  if (report.tag) text += row("", freshness_text(report));
  if (!report.capture.is_here) return text + row("lacks", "the manifest itself");
  if (report.children.empty()) {
    if (report.capture.is_whole) return text + row("whole", "yes");
    return text + row("lacks", human_count(report.capture.missing, "blob"));
  }
  std::vector<std::string> whole;
  std::vector<std::string> lacking;
  for (const ExplainReport::Child& child : report.children) {
    const std::string name = child.platform.empty() ? "attestation" : child.platform;
    if (child.is_whole) {
      if (std::ranges::find(whole, name) == whole.end()) whole.push_back(name);
    } else if (!child.is_here) {
      lacking.push_back(name);
    } else {
      lacking.push_back(name + " (" + human_count(child.missing, "blob") + ")");
    }
  }
  text += row("whole", whole.empty() ? "for no platform" : "for " + joined(whole));
  if (!lacking.empty()) text += row("lacks", joined(lacking));
  return text;
}

std::string capture_text(const ExplainReport& report) {
  const http::CaptureReport& state = report.capture;
  switch (state.phase) {
    case http::CaptureReport::Phase::running:
      return "running: " + std::to_string(state.blobs_done) + " of " + human_count(state.blobs_wanted, "blob") + ", " +
             human_size(state.bytes_done) + " of " + human_size(state.bytes_wanted);
    case http::CaptureReport::Phase::waiting: {
      std::string text = "waiting";
      if (state.failures > 0) text = "failed " + human_count(state.failures, "time");
      if (state.retry_in) text += ", next try in " + human_duration(*state.retry_in);
      return state.last_error.empty() ? text : text + ": " + state.last_error;
    }
    case http::CaptureReport::Phase::done: return state.is_here ? "nothing is left to fetch" : "";
  }
  return "";
}

std::string policy_text(const ExplainReport& report) {
  const ExplainReport::Policy& policy = *report.policy;
  std::string text = policy.rule.empty() ? "" : "rule '" + policy.rule + "': ";
  text += "fresh for " + server::render_duration(policy.fresh_for) + ", then stale ";
  text += policy.max_stale ? "for " + server::render_duration(*policy.max_stale) : "without limit";
  if (policy.drops_gone) text += "; a tag that is gone is dropped";
  if (!policy.serves_on_credential_fault) text += "; refused while the login is";
  text += "; capture " + policy.capture;
  if (!policy.capture_platforms.empty()) text += ", besides " + joined(policy.capture_platforms);
  return policy.captures_referrers ? text : text + ", without referrers";
}

std::string endpoint_text(const http::EndpointStatus& endpoint) {
  std::string text = endpoint.name + ": ";
  text += endpoint.state == http::BreakerState::closed ? "no known fault" : "down";
  if (endpoint.limited_for) text += ", not to be asked for " + human_duration(*endpoint.limited_for);
  if (endpoint.login == "rejected") text += ", the login is refused";
  if (endpoint.probe_in) text += ", probed in " + human_duration(*endpoint.probe_in);
  return endpoint.reason.empty() ? text : text + " (" + endpoint.reason + ")";
}

std::string past_rows(const ExplainReport& report) {
  std::string text;
  for (std::size_t i = 0; i < std::min(report.history.size(), kPastShown); ++i) {
    const ExplainReport::Past& one = report.history[i];
    text += row(i == 0 ? "was" : "", one.digest);
    text += row("", "since " + human_duration(one.since_ago) + " ago" +
                        (one.digest == report.served_digest ? ", served now" : ""));
  }
  return text;
}

}  // namespace

std::string explain_text(const ExplainReport& report) {
  std::string text = report.reference + "\n\n" + row("a pull", now_text(report));
  if (report.means == Means::unknown) return text;
  text += row("means", means_text(report)) + held_rows(report);
  if (report.policy) {
    if (const std::string capture = capture_text(report); !capture.empty()) text += row("capture", capture);
    text += row("policy", policy_text(report));
  }
  if (report.is_frozen) text += row("frozen", "no endpoint can be asked: nothing that is held is removed");
  for (std::size_t i = 0; i < report.endpoints.size(); ++i) {
    text += row(i == 0 ? "asks" : "", endpoint_text(report.endpoints[i]));
  }
  return is_by_digest(report) ? text : text + past_rows(report);
}

}  // namespace lifeboat::cli
