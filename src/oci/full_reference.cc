#include "oci/full_reference.h"

#include "oci/text.h"

namespace lifeboat::oci {
namespace {

bool is_host(std::string_view first) { return first == "localhost" || first.find_first_of(".:") != first.npos; }

std::unexpected<Error> refuse(std::string_view text, std::string_view reason) {
  return fail(ErrorCode::invalid, "cannot parse reference " + quote(text) + ": " + std::string(reason) +
                                      " (want [HOST/]NAME[:TAG][@DIGEST], as in 'ghcr.io/org/app:v1')");
}

}  // namespace

Result<FullReference> FullReference::parse(std::string_view text) {
  std::string_view rest = text;
  std::optional<RegistryHost> host;
  if (const std::size_t slash = rest.find('/'); slash != rest.npos && is_host(rest.substr(0, slash))) {
    auto parsed = RegistryHost::parse(rest.substr(0, slash));
    if (!parsed) return refuse(text, "what stands before the first '/' is no host");
    host = std::move(*parsed);
    rest.remove_prefix(slash + 1);
  }
  std::optional<Digest> digest;
  if (const std::size_t at = rest.find('@'); at != rest.npos) {
    const auto parsed = Digest::parse(rest.substr(at + 1));
    if (!parsed) return refuse(text, "what stands behind the '@' is no digest");
    digest = *parsed;
    rest = rest.substr(0, at);
  }
  std::string_view tag = "latest";
  if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
    tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  auto parsed_tag = Tag::parse(tag);
  if (!parsed_tag) return refuse(text, "what stands behind the ':' is no tag");
  auto repository = Repository::parse(rest);
  if (!repository) return refuse(text, "its name is malformed");
  Reference reference = digest ? Reference(*digest) : Reference(std::move(*parsed_tag));
  return FullReference{std::move(host), std::move(*repository), std::move(reference)};
}

std::string FullReference::to_string() const {
  std::string text = host ? host->to_string() + "/" : std::string();
  return text.append(repository.to_string())
      .append(reference.tag() != nullptr ? ":" : "@")
      .append(reference.to_string());
}

}  // namespace lifeboat::oci
