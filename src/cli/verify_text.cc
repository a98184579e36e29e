#include "cli/verify_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/human.h"
#include "cli/printable.h"

namespace lifeboat::cli {
namespace {

using registry::verify::Fault;
using registry::verify::Finding;
using registry::verify::Part;
using registry::verify::Step;
using Outcome = registry::verify::Verdict::Outcome;

std::size_t count_of(const VerifySummary& summary, Outcome outcome) {
  return static_cast<std::size_t>(
      std::ranges::count(summary.references, outcome, [](const Verified& one) { return one.outcome; }));
}

std::string totals_of(const VerifySummary& summary) {
  const auto& totals = summary.totals;
  std::string text = std::to_string(totals.indexes) + (totals.indexes == 1 ? " index, " : " indexes, ") +
                     human_count(totals.manifests, "manifest") + ", " + human_count(totals.blobs, "blob");
  if (totals.hashed_bytes > 0) text += ", " + human_size(totals.hashed_bytes) + " of them hashed";
  return text;
}

std::string last_line(const VerifySummary& summary) {
  const std::size_t all = summary.references.size();
  const std::size_t broken = count_of(summary, Outcome::broken);
  const std::size_t unknown = count_of(summary, Outcome::unknown);
  if (broken + unknown == 0) return "whole: " + human_count(all, "reference") + " (" + totals_of(summary) + ")\n";
  std::string text;
  if (broken > 0) text = std::to_string(broken) + " of " + human_count(all, "reference") + " broken";
  if (unknown > 0) {
    text += text.empty() ? std::to_string(unknown) + " of " + human_count(all, "reference") + " not found out"
                         : ", " + std::to_string(unknown) + " not found out";
  }
  return text + ", " + std::to_string(all - broken - unknown) + " whole (" + totals_of(summary) + ")\n";
}

std::string line_of(const Finding& finding) { return place_of(finding) + ": " + finding.fault.detail; }

/// XML 1.0 §2.2 knows no U+FFFE, no U+FFFF, and nothing that is not UTF-8; the second row of controls (U+0080 to
/// U+009F) it only discourages, and terminals obey.
std::string without_what_xml_forbids(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  const std::string escaped = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string valid = nlohmann::json::parse(escaped).get<std::string>();
  for (std::size_t at = 0; at < valid.size(); ++at) {
    const std::string_view rest = std::string_view(valid).substr(at);
    const bool is_no_character = rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF");
    const bool is_control = rest.size() > 1 && rest[0] == '\xC2' && static_cast<unsigned char>(rest[1]) < 0xA0;
    if (is_no_character) valid.replace(at, 3, kReplacement);
    if (is_control) valid.replace(at, 2, kReplacement);
  }
  return valid;
}

void append_xml(std::string& out, std::string_view text) {
  for (const char c : without_what_xml_forbids(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c);
    }
  }
}

std::string attribute(std::string_view name, std::string_view value) {
  std::string text = " " + std::string(name) + "=\"";
  append_xml(text, value);
  return text + "\"";
}

std::string case_of(const Verified& one) {
  const std::size_t slash = one.reference.rfind('/');
  const std::size_t split = one.reference.find_first_of(":@", slash == std::string::npos ? 0 : slash);
  std::string text = "  <testcase" + attribute("classname", one.reference.substr(0, split)) +
                     attribute("name", split == std::string::npos ? one.reference : one.reference.substr(split + 1));
  if (one.outcome == Outcome::whole) return text + "/>\n";
  const std::string kind = one.outcome == Outcome::broken ? "failure" : "error";
  const bool is_named = !one.findings.empty();
  text += ">\n    <" + kind +
          attribute("type", is_named ? to_string(one.findings.front().fault.kind) : "not_looked_at") +
          attribute("message", is_named ? line_of(one.findings.front()) : "the walk was ended before") + ">";
  for (const Finding& finding : one.findings) {
    append_xml(text, std::string(to_string(finding.fault.kind)) + ": " + line_of(finding));
    text += "\n";
  }
  return text + "</" + kind + ">\n  </testcase>\n";
}

nlohmann::ordered_json json_of(const Step& step) {
  nlohmann::ordered_json json{{"part", to_string(step.part)}};
  if (step.digest) json["digest"] = step.digest->to_string();
  if (!step.note.empty()) json["note"] = step.note;
  return json;
}

nlohmann::ordered_json json_of(const Finding& finding) {
  nlohmann::ordered_json path = nlohmann::ordered_json::array();
  for (const Step& step : finding.path) path.push_back(json_of(step));
  return {{"fault", to_string(finding.fault.kind)}, {"detail", finding.fault.detail}, {"path", std::move(path)}};
}

}  // namespace

Outcome outcome_of(const VerifySummary& summary) {
  if (count_of(summary, Outcome::broken) > 0) return Outcome::broken;
  const bool is_unknown = count_of(summary, Outcome::unknown) > 0 || !summary.given_up.empty();
  return is_unknown ? Outcome::unknown : Outcome::whole;
}

std::string place_of(const Finding& finding) {
  const auto text_of = [](const Step& step) {
    std::string text(to_string(step.part));
    if (!step.note.empty()) text.append(" ").append(step.note);
    return text;
  };
  const Step& subject = finding.path.back();
  std::string text = text_of(subject);
  if (subject.digest) text.append(" ").append(subject.digest->to_string());
  // The root says nothing that the reference does not say.
  for (std::size_t i = finding.path.size() - 1; i-- > 1;) {
    const Step& above = finding.path[i];
    text.append(" of ").append(above.note.empty() ? above.digest->to_string() : above.note);
  }
  return text;
}

std::string verify_text(const VerifySummary& summary) {
  struct Row {
    std::string reference;
    std::string fault;
    std::string what;
  };
  std::vector<Row> rows{{"REFERENCE", "FAULT", "WHAT"}};
  for (const Verified& one : summary.references) {
    for (const Finding& finding : one.findings) {
      rows.push_back(
          {printable(one.reference), std::string(to_string(finding.fault.kind)), printable(line_of(finding))});
    }
  }
  std::string text;
  if (rows.size() > 1) {
    std::size_t reference = 0;
    std::size_t fault = 0;
    for (const Row& row : rows) {
      reference = std::max(reference, row.reference.size());
      fault = std::max(fault, row.fault.size());
    }
    for (const Row& row : rows) {
      text.append(row.reference).append(reference - row.reference.size() + 2, ' ');
      text.append(row.fault).append(fault - row.fault.size() + 2, ' ').append(row.what).append("\n");
    }
    text += "\n";
  }
  for (const std::string& why : summary.given_up) text += "given up: " + printable(why) + "\n";
  return text + last_line(summary);
}

std::string verify_json(const VerifySummary& summary) {
  nlohmann::ordered_json references = nlohmann::ordered_json::array();
  for (const Verified& one : summary.references) {
    nlohmann::ordered_json entry{{"reference", one.reference}, {"result", to_string(one.outcome)}};
    if (!one.digest.empty()) entry["digest"] = one.digest;
    entry["faults"] = nlohmann::ordered_json::array();
    for (const Finding& finding : one.findings) entry["faults"].push_back(json_of(finding));
    references.push_back(std::move(entry));
  }
  const nlohmann::ordered_json json{{"result", to_string(outcome_of(summary))},
                                    {"references", std::move(references)},
                                    {"indexes", summary.totals.indexes},
                                    {"manifests", summary.totals.manifests},
                                    {"blobs", summary.totals.blobs},
                                    {"hashed_bytes", summary.totals.hashed_bytes},
                                    {"given_up", summary.given_up}};
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string verify_junit(const VerifySummary& summary) {
  const auto number = [](std::size_t count) { return std::to_string(count); };
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite" +
                     attribute("name", "lifeboat verify") + attribute("tests", number(summary.references.size())) +
                     attribute("failures", number(count_of(summary, Outcome::broken))) +
                     attribute("errors", number(count_of(summary, Outcome::unknown))) + ">\n";
  for (const Verified& one : summary.references) text += case_of(one);
  return text + " </testsuite>\n</testsuites>\n";
}

}  // namespace lifeboat::cli
