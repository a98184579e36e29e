#include "cli/copy_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/human.h"

namespace lifeboat::cli {
namespace {

using registry::copy::BlobUnderWay;
using registry::copy::CopyReport;
using registry::copy::TargetReport;

constexpr std::size_t kBarColumns = 24;

std::string printable(std::string_view text) {
  std::string shown(text);
  std::ranges::replace_if(shown, [](char letter) { return letter < ' ' || letter > '~'; }, '?');
  return shown;
}

std::string counts_of(const TargetReport& target, bool is_dry_run) {
  std::string text = human_count(target.blobs_sent, "blob") + (is_dry_run ? " to send (" : " sent (") +
                     human_size(target.bytes_sent) + ")";
  if (target.blobs_mounted > 0) text += ", " + std::to_string(target.blobs_mounted) + " mounted";
  text += ", " + std::to_string(target.blobs_there) + " there; " + human_count(target.manifests_sent, "manifest") +
          (is_dry_run ? " to send, " : " sent, ") + std::to_string(target.manifests_there) + " there";
  return text;
}

std::string bar_of(uint64_t done, uint64_t all) {
  const std::size_t filled = all == 0 ? kBarColumns : static_cast<std::size_t>(done * kBarColumns / all);
  return "[" + std::string(std::min(filled, kBarColumns), '#') +
         std::string(kBarColumns - std::min(filled, kBarColumns), ' ') + "]";
}

bool is_about_content(const Error& error) {
  return error.code() == ErrorCode::not_found || error.code() == ErrorCode::corrupt;
}

}  // namespace

std::string copy_text(const std::string& source, const CopyReport& report, bool is_dry_run) {
  std::string text = printable(source);
  if (report.digest) {
    text += "@" + report.digest->to_string() + ": " + human_count(report.manifests, "manifest") + ", " +
            human_count(report.blobs, "blob") + ", " + human_size(report.bytes);
  }
  text += "\n";
  if (report.failure) return text + "not copied: " + printable(report.failure->message()) + "\n";
  if (report.is_sparse) text += "sparse: the index keeps its digest and names platforms that are not copied\n";
  for (const oci::Digest& digest : report.missing_referrers) {
    text += "left out  " + digest.to_string() + ": the source lists it as a referrer and does not have it\n";
  }
  for (const TargetReport& target : report.targets) {
    if (target.failure) {
      text += "FAILED  " + target.name + ": " + printable(target.failure->message()) + "\n";
    } else {
      text += (is_dry_run ? "would copy  " : "copied  ") + target.name + ": " + counts_of(target, is_dry_run) + "\n";
    }
  }
  return text;
}

std::string copy_json(const std::string& source, const CopyReport& report, bool is_dry_run) {
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  for (const TargetReport& target : report.targets) {
    nlohmann::ordered_json one{{"name", target.name},
                               {"outcome", target.failure ? "failed" : (is_dry_run ? "would_copy" : "copied")},
                               {"blobs_sent", target.blobs_sent},
                               {"blobs_mounted", target.blobs_mounted},
                               {"blobs_there", target.blobs_there},
                               {"bytes_sent", target.bytes_sent},
                               {"manifests_sent", target.manifests_sent},
                               {"manifests_there", target.manifests_there}};
    if (target.failure) {
      one["code"] = to_string(target.failure->code());
      one["reason"] = target.failure->message();
    }
    targets.push_back(std::move(one));
  }
  nlohmann::ordered_json missing_referrers = nlohmann::ordered_json::array();
  for (const oci::Digest& digest : report.missing_referrers) missing_referrers.push_back(digest.to_string());
  nlohmann::ordered_json document{{"source", source},
                                  {"digest", report.digest ? report.digest->to_string() : ""},
                                  {"media_type", report.media_type},
                                  {"dry_run", is_dry_run},
                                  {"sparse", report.is_sparse},
                                  {"manifests", report.manifests},
                                  {"blobs", report.blobs},
                                  {"bytes", report.bytes},
                                  {"missing_referrers", std::move(missing_referrers)}};
  if (report.failure) document["reason"] = report.failure->message();
  document["targets"] = std::move(targets);
  return document.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::vector<std::string> copy_bars(const registry::copy::Copy::Progress& progress,
                                   const std::vector<BlobUnderWay>& under_way, std::size_t columns) {
  std::vector<std::string> lines;
  for (const BlobUnderWay& one : under_way) {
    lines.push_back(one.name.digest.hex().substr(0, 12) + " " + bar_of(one.given_bytes, one.name.size_bytes) + " " +
                    human_size(one.given_bytes) + " of " + human_size(one.name.size_bytes));
  }
  lines.push_back("all          " + bar_of(progress.bytes_done, progress.bytes) + " " +
                  human_size(progress.bytes_done) + " of " + human_size(progress.bytes) + ", " +
                  std::to_string(progress.blobs_done) + " of " + human_count(progress.blobs, "blob"));
  for (std::string& line : lines) line.resize(std::min(line.size(), columns));
  return lines;
}

int copy_exit_code(const CopyReport& report) {
  if (report.failure) return is_about_content(*report.failure) ? kFoundWrong : kCouldNotFindOut;
  int code = kFine;
  for (const TargetReport& target : report.targets) {
    if (!target.failure) continue;
    if (is_about_content(*target.failure)) return kFoundWrong;
    code = kCouldNotFindOut;
  }
  return code;
}

}  // namespace lifeboat::cli
