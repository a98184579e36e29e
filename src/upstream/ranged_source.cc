#include "upstream/ranged_source.h"

namespace lifeboat::upstream {

Task<std::unique_ptr<blob::Stream>> RangedSource::open(Call call, oci::RepositoryId repository, oci::Digest digest,
                                                       uint64_t from) {
  LB_CO_TRY(auto whole, co_await source_->open(call, repository, digest, from));
  const auto size_bytes = whole->size_bytes();
  const bool is_big = size_bytes && *size_bytes > from && *size_bytes - from > options_.least_bytes;
  if (!is_big || options_.requests < 2 || source_->is_short_of_requests()) co_return whole;
  RangedStream::Blob blob{std::move(repository), digest, from, *size_bytes, call.request_id()};
  co_return std::make_unique<RangedStream>(source_, clock_, options_, std::move(blob), std::move(whole));
}

}  // namespace lifeboat::upstream
