#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/reference.h"
#include "oci/repository.h"

namespace lifeboat::oci {

/// Which repositories are meant, and which of their tags: `<repository>[:<tag>]`, as in "org/*" and "*/app:v1.*". A `*`
/// stands for any text, none and '/' included.
class ReferencePattern {
 public:
  /// invalid: an empty part, a letter that no such name has, or longer than any name.
  static Result<ReferencePattern> parse(std::string_view text);
  std::string to_string() const;

  /// `tag` null: what has none, as a manifest asked for by its digest. A pattern with a tag never means that.
  bool matches(const Repository& repository, const Tag* tag) const;

  friend auto operator<=>(const ReferencePattern&, const ReferencePattern&) = default;

 private:
  ReferencePattern(std::string_view repository, std::optional<std::string> tag)
      : repository_(repository), tag_(std::move(tag)) {}

  std::string repository_;
  std::optional<std::string> tag_;
};

}  // namespace lifeboat::oci
