#include "http/prune_report.h"

#include <nlohmann/json.hpp>

namespace lifeboat::http {
namespace {

using Json = nlohmann::ordered_json;
using registry::Retainer;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<Retainer::DryRun> parse_prune_order(std::string_view json_text) try {
  if (json_text.empty()) return Retainer::DryRun::no;
  return Retainer::DryRun{Json::parse(json_text).value("dry_run", false)};
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read prune order: ") + mistake.what());
}

std::string render_prune_order(Retainer::DryRun dry_run) {
  return text_of({{"dry_run", dry_run == Retainer::DryRun::yes}});
}

PruneAnswer answer_of(const registry::PruneReport& report, Retainer::DryRun dry_run) {
  PruneAnswer answer{.is_dry_run = dry_run == Retainer::DryRun::yes,
                     .repositories = report.repositories,
                     .tags = report.tags,
                     .manifests = report.manifests,
                     .changed = report.changed,
                     .frozen = report.frozen,
                     .items_left_out = report.items_left_out};
  for (const registry::PruneReport::Unreadable& one : report.unreadable) {
    answer.unreadable.push_back({.repository = one.repository, .reason = one.reason});
  }
  for (const registry::PruneReport::Item& one : report.items) {
    answer.items.push_back({.repository = one.repository,
                            .tag = one.tag,
                            .digest = one.digest.to_string(),
                            .is_kept = one.is_kept,
                            .reason = one.reason});
  }
  return answer;
}

std::string render_prune(const PruneAnswer& answer) {
  Json items = Json::array();
  for (const PruneAnswer::Item& one : answer.items) {
    items.push_back({{"repository", one.repository},
                     {"tag", one.tag},
                     {"digest", one.digest},
                     {"is_kept", one.is_kept},
                     {"reason", one.reason}});
  }
  Json unreadable = Json::array();
  for (const PruneAnswer::Unreadable& one : answer.unreadable) {
    unreadable.push_back({{"repository", one.repository}, {"reason", one.reason}});
  }
  return text_of({{"is_dry_run", answer.is_dry_run},
                  {"repositories", answer.repositories},
                  {"tags", answer.tags},
                  {"manifests", answer.manifests},
                  {"changed", answer.changed},
                  {"frozen", answer.frozen},
                  {"unreadable", std::move(unreadable)},
                  {"items", std::move(items)},
                  {"items_left_out", answer.items_left_out}});
}

Result<PruneAnswer> parse_prune(std::string_view json_text) try {
  const Json json = Json::parse(json_text);
  PruneAnswer answer{.is_dry_run = json.at("is_dry_run").get<bool>(),
                     .repositories = json.at("repositories").get<uint64_t>(),
                     .tags = json.at("tags").get<uint64_t>(),
                     .manifests = json.at("manifests").get<uint64_t>(),
                     .changed = json.at("changed").get<uint64_t>(),
                     .frozen = json.at("frozen").get<std::vector<std::string>>(),
                     .items_left_out = json.at("items_left_out").get<uint64_t>()};
  for (const Json& one : json.at("unreadable")) {
    answer.unreadable.push_back(
        {.repository = one.at("repository").get<std::string>(), .reason = one.at("reason").get<std::string>()});
  }
  for (const Json& one : json.at("items")) {
    answer.items.push_back({.repository = one.at("repository").get<std::string>(),
                            .tag = one.at("tag").get<std::string>(),
                            .digest = one.at("digest").get<std::string>(),
                            .is_kept = one.at("is_kept").get<bool>(),
                            .reason = one.at("reason").get<std::string>()});
  }
  return answer;
} catch (const Json::exception& mistake) {
  return fail(ErrorCode::invalid, std::string("cannot read prune report: ") + mistake.what());
}

}  // namespace lifeboat::http
