#include "upstream/referrers.h"

#include <iterator>
#include <utility>

#include "upstream/paging.h"

namespace lifeboat::upstream {
namespace {

constexpr int kPagesMax = 16;

Task<std::vector<oci::Referrer>> list_by_tag(Call call, oci::Digest subject, ReferrersAsked& asked) {
  LB_CO_TRY(auto tag, oci::Tag::parse(std::string(subject.algorithm_name()) + "-" + subject.hex().substr(0, 64)));
  const auto bytes = co_await asked.manifest(call, std::move(tag));
  if (!bytes) {
    if (bytes.error().code() == ErrorCode::not_found) co_return std::vector<oci::Referrer>{};
    co_return std::unexpected(bytes.error());
  }
  auto listed = oci::parse_referrers(as_bytes(*bytes));
  if (!listed) co_return fail(ErrorCode::corrupt, listed.error().message());
  co_return std::move(*listed);
}

}  // namespace

Task<std::vector<oci::Referrer>> list_referrers(Call call, oci::Digest subject, ReferrersAsked& asked) {
  std::vector<oci::Referrer> all;
  std::string query;
  for (int page = 0; page < kPagesMax; ++page) {
    auto answer = co_await asked.page(call, query);
    if (!answer) {
      const ErrorCode code = answer.error().code();
      const bool knows_no_api =
          code == ErrorCode::not_found || code == ErrorCode::unsupported || code == ErrorCode::invalid;
      if (page > 0 || !knows_no_api) co_return std::unexpected(std::move(answer).error());
      co_return co_await list_by_tag(call, subject, asked);
    }
    auto listed = oci::parse_referrers(as_bytes(answer->body));
    if (!listed) co_return fail(ErrorCode::corrupt, listed.error().message());
    all.insert(all.end(), std::make_move_iterator(listed->begin()), std::make_move_iterator(listed->end()));
    const auto next = next_query(answer->link);
    if (!next) co_return all;
    query = "?" + *next;
  }
  co_return fail(ErrorCode::corrupt, "cannot list referrers of '" + subject.to_string() + "': more than " +
                                         std::to_string(kPagesMax) + " pages");
}

}  // namespace lifeboat::upstream
