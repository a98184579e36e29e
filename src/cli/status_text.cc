#include "cli/status_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cli/human.h"
#include "cli/scrub_text.h"

namespace lifeboat::cli {
namespace {

using http::BreakerState;
using Row = std::array<std::string, 3>;

/// "closed" would be the word of a fault to who does not know breakers, and "fine" would be a promise: an endpoint
/// that was never asked is closed too.
std::string state_of(BreakerState state, bool is_login_refused) {
  switch (state) {
    case BreakerState::closed: return is_login_refused ? "login refused" : "no known fault";
    case BreakerState::half_open: return "down (probed now)";
    case BreakerState::open: return "down";
  }
  return "down";
}

bool is_refused(const http::EndpointStatus& endpoint) { return endpoint.login == "rejected"; }

std::string name_of(const http::HostStatus& host) {
  if (!host.is_default || host.host == "default") return host.host;
  return host.host + " (default)";
}

std::size_t down_in(const http::HostStatus& host) {
  return static_cast<std::size_t>(
      std::ranges::count_if(host.endpoints, [](const auto& one) { return one.state != BreakerState::closed; }));
}

/// The last column is not padded: it may be as long as it likes.
std::string table_of(const std::vector<Row>& rows) {
  std::array<std::size_t, 2> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths.at(i) = std::max(widths.at(i), row.at(i).size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text.append(row.at(i)).append(widths.at(i) - row.at(i).size() + 2, ' ');
    }
    text.append(row.back()).append("\n");
  }
  return text;
}

std::string upstreams_of(const http::StatusReport& report) {
  if (report.hosts.empty()) return "no upstream is configured: it serves what is pushed to it\n";
  std::vector<Row> rows{{"HOST", "STATE", "ENDPOINT"}};
  for (const http::HostStatus& host : report.hosts) {
    std::string name = name_of(host);
    for (const http::EndpointStatus& endpoint : host.endpoints) {
      rows.push_back({name, state_of(endpoint.state, is_refused(endpoint)), endpoint.name});
      name.clear();
    }
  }
  return table_of(rows);
}

/// What it means for those who pull that an endpoint of a host is down and another is not.
std::string others_asked(const http::HostStatus& host) {
  const std::size_t all = host.endpoints.size();
  const std::size_t down = down_in(host);
  if (down == 0 || down == all) return "";
  return std::to_string(down) + " of " + human_count(all, "endpoint") + " of " + host.host +
         (down == 1 ? " is" : " are") + " down: the " + (all - down == 1 ? "other is" : "others are") + " asked.\n";
}

/// What is known of each endpoint that is not as it should be.
std::string reasons_of(const http::StatusReport& report) {
  std::string text;
  for (const http::HostStatus& host : report.hosts) {
    for (const http::EndpointStatus& endpoint : host.endpoints) {
      std::string reason = endpoint.reason;
      const auto add = [&](const std::string& part) { reason.append(reason.empty() ? "" : "; ").append(part); };
      if (endpoint.limited_for) add("it wants not to be asked for " + human_duration(*endpoint.limited_for));
      if (endpoint.probe_in) add("probed in " + human_duration(*endpoint.probe_in));
      if (!reason.empty()) text += wrapped_row(endpoint.name + ": ", reason, 2);
    }
  }
  return text;
}

std::string captures_of(const http::CaptureTotals& captures) {
  if (captures.running + captures.waiting + captures.failing == 0) return "";
  std::string text = std::to_string(captures.running) + " running, " + std::to_string(captures.waiting) + " waiting";
  if (captures.failing > 0) text += ", " + std::to_string(captures.failing) + " failing";
  text = "captures  " + text + "\n";
  if (captures.worst.empty()) return text;
  return text + wrapped_row("", captures.worst, 10) + wrapped_row("", captures.worst_error, 10);
}

std::string probes_of(const std::vector<http::ProbeStatus>& probes) {
  if (probes.empty()) return "";
  std::vector<Row> rows{{"PROBE", "BROKEN", "LAST RUN"}};
  std::string details;
  for (const http::ProbeStatus& probe : probes) {
    std::string last = probe.last_run.empty() ? "none yet" : probe.last_run + ", " + human_count(probe.tags, "tag");
    if (probe.is_running) last += ", runs now";
    rows.push_back({probe.name, std::to_string(probe.broken), last});
    if (!probe.is_accessible) details += wrapped_row(probe.name + ": ", "the catalog cannot be read", 2);
    if (!probe.error.empty()) details += wrapped_row(probe.name + ": ", "interrupted: " + probe.error, 2);
    if (probe.diverging > 0) {
      details +=
          wrapped_row(probe.name + ": ", human_count(probe.diverging, "tag") + " differ from another registry", 2);
    }
    for (const std::string& one : probe.first) details += wrapped_row(probe.name + ": ", one, 2);
    const uint64_t rest = probe.broken + probe.diverging - std::min(probe.broken + probe.diverging, probe.first.size());
    if (rest > 0) details += wrapped_row(probe.name + ": ", "and " + std::to_string(rest) + " more", 2);
  }
  return "\n" + table_of(rows) + (details.empty() ? "" : "\n" + details);
}

bool is_wrong(const http::ProbeStatus& probe) {
  return probe.broken > 0 || probe.diverging > 0 || !probe.is_accessible;
}

std::string consequences_of(const std::vector<http::HostStatus>& hosts) {
  std::string text;
  std::vector<std::string_view> lost;
  for (const http::HostStatus& host : hosts) {
    text += others_asked(host);
    if (!host.endpoints.empty() && down_in(host) == host.endpoints.size()) lost.push_back(host.host);
  }
  if (lost.empty()) return text;
  text.append(lost.size() == 1 ? std::string(lost.front()) + " is" : human_count(lost.size(), "host") + " are");
  text.append(" down: what is held is served, the rest gets 503.\n");
  if (std::ranges::none_of(hosts, &http::HostStatus::is_frozen)) return text;
  return text.append("Nothing that is held of what is down is removed until it can be asked again.\n");
}

}  // namespace

bool is_fine(const http::StatusReport& report) {
  return report.store.has_value() && report.broken.pieces == 0 && std::ranges::none_of(report.probes, is_wrong) &&
         std::ranges::all_of(report.hosts, [](const http::HostStatus& host) {
           return down_in(host) == 0 && std::ranges::none_of(host.endpoints, is_refused);
         });
}

std::string status_text(const http::StatusReport& report) {
  std::string text = "server    lifeboat " + report.version + " on " + report.address + ", up " +
                     human_duration(report.uptime) + "\ndata      " + report.data + "\nheld      ";
  if (report.store) {
    text += human_count(report.store->repositories, "repository") + ", " +
            human_count(report.store->manifests, "manifest") + ", " + human_count(report.store->blobs, "blob") + ", " +
            human_size(report.store->blob_bytes);
  } else {
    text += "unknown, the store does not answer: " + report.store.error();
  }
  text += "\nfetching  " + (report.fetches == 0 ? "nothing" : human_count(report.fetches, "blob")) + "\n";
  text += captures_of(report.captures) + "\n";
  text += upstreams_of(report);
  if (report.broken.pieces > 0) {
    text += "\n" + human_count(report.broken.pieces, "piece") + " of what is held " +
            (report.broken.pieces == 1 ? "is" : "are") + " broken:\n" +
            broken_text(report.broken.faults, report.broken.pieces);
  }
  const std::string consequences = consequences_of(report.hosts);
  const std::string reasons = reasons_of(report);
  if (!reasons.empty()) text += "\n" + reasons;
  text += probes_of(report.probes);
  return consequences.empty() ? text : text + "\n" + consequences;
}

}  // namespace lifeboat::cli
