#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "fuzz.h"
#include "registry/archive/index.h"
#include "registry/archive/scan.h"

using namespace lifeboat;

namespace {

/// The input as a file.
class TextFile final : public sys::ReadableFile {
 public:
  explicit TextFile(std::string_view text) : text_(text) {}
  Result<std::size_t> read_at(uint64_t offset, ByteSpan out) const override {
    if (offset >= text_.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(out.size(), text_.size() - offset);
    std::memcpy(out.data(), text_.data() + offset, count);
    return count;
  }
  Result<uint64_t> size() const override { return text_.size(); }

 private:
  const std::string_view text_;
};

}  // namespace

LB_FUZZ(text) {
  if (const auto entries = registry::archive::read_index(as_bytes(text))) LB_ASSERT(entries->size() <= text.size());
  if (const auto listed = registry::archive::read_docker_list(as_bytes(text))) LB_ASSERT(listed->size() <= text.size());
  uint64_t hashed = 0;
  const auto found =
      registry::archive::scan(std::make_shared<TextFile>(text), "fuzz", [&](uint64_t bytes) { hashed += bytes; });
  if (!found || found->compression != sys::TarCompression::none) return;
  // No header makes more of a file than it has.
  LB_ASSERT(hashed <= text.size());
  for (const auto& [digest, document] : found->documents) {
    LB_ASSERT(found->blobs.contains(digest));
    LB_ASSERT(document.size() <= text.size());
  }
}
