#include "registry/verify/wanted.h"

#include <algorithm>

#include "oci/full_reference.h"
#include "oci/glob.h"

namespace lifeboat::registry::verify {
namespace {

constexpr std::size_t kTagMax = 128;

/// Where a tag begins: behind the last ':' that is not a port's.
std::size_t tag_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon == text.npos || text.find('/', colon) != text.npos ? text.npos : colon;
}

bool is_pattern(std::string_view tag) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == '*';
  };
  return !tag.empty() && tag.size() <= kTagMax && std::ranges::all_of(tag, is_fine);
}

}  // namespace

bool Wanted::Tags::has(const oci::Tag& tag) const { return oci::matches_glob(pattern, tag.to_string()); }

Result<Wanted> Wanted::parse(std::string_view text) {
  const std::size_t colon = text.contains('@') ? text.npos : tag_of(text);
  const std::string_view tag = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  const bool is_of_many = !text.contains('@') && (colon == text.npos || tag.contains('*'));
  // The rest has the grammar of every reference.
  const std::string_view single = is_of_many ? text.substr(0, colon) : text;
  auto parsed = oci::FullReference::parse(single);
  const bool is_bad_pattern = is_of_many && colon != text.npos && !is_pattern(tag);
  if (is_bad_pattern) parsed = oci::FullReference::parse(text);  // it says what is wrong
  if (!parsed) return std::unexpected(std::move(parsed).error());
  const oci::RegistryHost host = parsed->host ? *parsed->host : *oci::RegistryHost::parse("docker.io");
  if (!is_of_many) return Wanted{host, std::move(parsed->repository), std::move(parsed->reference)};
  return Wanted{host, std::move(parsed->repository), Tags{colon == text.npos ? "*" : std::string(tag)}};
}

std::string Wanted::to_string() const {
  const std::string name = host.to_string() + "/" + repository.to_string();
  if (const auto* tags = std::get_if<Tags>(&what)) return name + ":" + tags->pattern;
  const auto& reference = std::get<oci::Reference>(what);
  return name + (reference.digest() != nullptr ? "@" : ":") + reference.to_string();
}

}  // namespace lifeboat::registry::verify
