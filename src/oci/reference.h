#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "oci/digest.h"

namespace lifeboat::oci {

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (OCI distribution-spec 1.1, W14).
class Tag {
 public:
  static Result<Tag> parse(std::string_view text);
  const std::string& to_string() const { return text_; }
  friend auto operator<=>(const Tag&, const Tag&) = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A tag or a digest: what stands behind `manifests/`. A text with a ':' can only be a digest.
class Reference {
 public:
  static Result<Reference> parse(std::string_view text);
  explicit Reference(Tag tag) : value_(std::move(tag)) {}
  explicit Reference(Digest digest) : value_(digest) {}

  const Tag* tag() const { return std::get_if<Tag>(&value_); }
  const Digest* digest() const { return std::get_if<Digest>(&value_); }
  std::string to_string() const;
  friend auto operator<=>(const Reference&, const Reference&) = default;

 private:
  std::variant<Tag, Digest> value_;
};

}  // namespace lifeboat::oci
