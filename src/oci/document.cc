#include "oci/document.h"

#include <array>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "oci/text.h"

namespace lifeboat::oci {
namespace {

using nlohmann::json;

enum class Field : unsigned {
  unknown,
  annotations,
  architecture,
  artifact_type,
  config,
  data,
  digest,
  fs_layers,
  layers,
  manifests,
  media_type,
  os,
  platform,
  schema_version,
  size,
  subject,
  urls,
  variant,
};

struct NamedField {
  std::string_view name;
  Field field;
};

constexpr std::array<NamedField, 9> kTopFields{{
    {"annotations", Field::annotations},
    {"artifactType", Field::artifact_type},
    {"config", Field::config},
    {"fsLayers", Field::fs_layers},
    {"layers", Field::layers},
    {"manifests", Field::manifests},
    {"mediaType", Field::media_type},
    {"schemaVersion", Field::schema_version},
    {"subject", Field::subject},
}};

constexpr std::array<NamedField, 8> kDescriptorFields{{
    {"annotations", Field::annotations},
    {"artifactType", Field::artifact_type},
    {"data", Field::data},
    {"digest", Field::digest},
    {"mediaType", Field::media_type},
    {"platform", Field::platform},
    {"size", Field::size},
    {"urls", Field::urls},
}};

constexpr std::array<NamedField, 3> kPlatformFields{{
    {"architecture", Field::architecture},
    {"os", Field::os},
    {"variant", Field::variant},
}};

template <std::size_t N>
Field field_named(const std::array<NamedField, N>& fields, std::string_view name) {
  for (const NamedField& known : fields) {
    if (known.name == name) return known.field;
  }
  return Field::unknown;
}

std::string_view name_of(Field field) {
  for (const NamedField& known : kTopFields) {
    if (known.field == field) return known.name;
  }
  for (const NamedField& known : kDescriptorFields) {
    if (known.field == field) return known.name;
  }
  return "a field";
}

/// The object or array the reader is inside of.
enum class Place { top, descriptor, descriptors, platform, annotations, urls, ignored };

/// A descriptor while its fields come in.
struct HalfDescriptor {
  std::optional<MediaType> media_type;
  std::optional<Digest> digest;
  std::optional<uint64_t> size_bytes;
  bool is_elsewhere = false;  ///< has `urls` or `data`
  Platform platform;
  std::string artifact_type;
  std::string annotations_json;
};

/// Takes the events of the JSON parser; every handler is false to stop, and then `error` says why.
class DocumentReader {
 public:
  explicit DocumentReader(ListedAnnotations listed_annotations) : listed_annotations_(listed_annotations) {}

  Document document;
  std::optional<Error> error;

  bool null() {
    if (depth_ == 0) return refuse("wrong kind (got null, want an object)");
    switch (place()) {
      case Place::top:
      case Place::descriptor:
      case Place::platform:
      case Place::ignored: return true;
      case Place::annotations: return annotate("");  // as Go reads it
      default: return refuse("wrong kind (got null)");
    }
  }
  bool boolean(bool /*value*/) { return take_other("a boolean"); }
  bool number_float(double /*value*/, const std::string& /*text*/) { return take_other("a fraction or a huge number"); }
  bool number_integer(int64_t value) {
    return value >= 0 ? number_unsigned(static_cast<uint64_t>(value)) : take_other("a negative number");
  }
  bool binary(std::vector<uint8_t>& /*value*/) { return take_other("binary"); }

  bool number_unsigned(uint64_t value) {
    if (is_at(Place::top, Field::schema_version)) {
      document.schema_version = value;
      return true;
    }
    if (!is_at(Place::descriptor, Field::size)) return take_other("a number");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return take_other("a huge number");
    descriptor_.size_bytes = value;
    return true;
  }

  bool string(std::string& value) {
    if (depth_ == 0) return take_other("a text");
    switch (place()) {
      case Place::top: return take_top_text(value);
      case Place::descriptor: return take_descriptor_text(value);
      case Place::platform: return take_platform_text(value);
      case Place::annotations: return annotate(value);
      case Place::urls: descriptor_.is_elsewhere = true; return true;
      default: return take_other("a text");
    }
  }

  bool key(std::string& name) {
    switch (place()) {
      case Place::top: top_field_ = field_named(kTopFields, name); return see(top_field_, seen_in_top_);
      case Place::descriptor:
        descriptor_field_ = field_named(kDescriptorFields, name);
        return see(descriptor_field_, seen_in_descriptor_);
      case Place::platform:
        platform_field_ = field_named(kPlatformFields, name);
        return see(platform_field_, seen_in_platform_);
      case Place::annotations:
        if (annotations_.back() != '{') annotations_.push_back(',');
        append_json_text(annotations_, name);
        annotations_.push_back(':');
        return true;
      default: return true;
    }
  }

  bool start_object(std::size_t /*size*/) {
    if (depth_ == 0) return enter(Place::top);
    if (is_at(Place::top, Field::config) || is_at(Place::top, Field::subject) || place() == Place::descriptors) {
      descriptor_ = HalfDescriptor{};
      seen_in_descriptor_ = 0;
      return enter(Place::descriptor);
    }
    if (is_at(Place::descriptor, Field::platform)) {
      seen_in_platform_ = 0;
      return enter(Place::platform);
    }
    const bool is_listed = is_at(Place::descriptor, Field::annotations);
    if (is_listed || is_at(Place::top, Field::annotations)) {
      if (is_listed && listed_annotations_ == ListedAnnotations::skipped) return enter(Place::ignored);
      annotations_ = "{";
      return enter(Place::annotations);
    }
    return take_other("an object") && enter(Place::ignored);
  }

  bool start_array(std::size_t /*size*/) {
    if (is_at(Place::top, Field::layers)) {
      document.layers.emplace();
      return enter(Place::descriptors);
    }
    if (is_at(Place::top, Field::manifests)) {
      document.manifests.emplace();
      return enter(Place::descriptors);
    }
    if (is_at(Place::descriptor, Field::urls)) return enter(Place::urls);
    if (is_at(Place::top, Field::fs_layers)) {
      document.has_fs_layers = true;
      return enter(Place::ignored);
    }
    return take_other("an array") && enter(Place::ignored);
  }

  bool end_array() { return leave(); }
  bool end_object() {
    const Place left = place();
    leave();
    if (left == Place::descriptor) return finish_descriptor();
    if (left != Place::annotations) return true;
    annotations_.push_back('}');
    (place() == Place::top ? document.annotations_json : descriptor_.annotations_json) = std::move(annotations_);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const json::exception& /*exception*/) {
    error.emplace(ErrorCode::invalid, "cannot parse manifest: not JSON (at byte " + std::to_string(position) + ")");
    return false;
  }

 private:
  Place place() const { return places_[depth_ - 1]; }
  bool is_at(Place where, Field field) const {
    if (depth_ == 0 || place() != where) return false;
    return field == (where == Place::top ? top_field_ : descriptor_field_);
  }

  bool enter(Place where) {
    if (depth_ == places_.size()) {
      return refuse("nested too deep (want at most " + std::to_string(kManifestDepthMax) + " levels)");
    }
    places_[depth_++] = where;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  bool see(Field field, unsigned& seen) {
    const unsigned bit = 1U << static_cast<unsigned>(field);
    if (field != Field::unknown && (seen & bit) != 0) return refuse("given twice");
    seen |= bit;
    return true;
  }

  /// A value no handler of the place asked for: fine where nothing is known, else of the wrong kind.
  bool take_other(std::string_view kind) {
    if (depth_ > 0) {
      // Of a platform only what is text is looked at: publishers add fields of their own.
      if (place() == Place::ignored || place() == Place::platform) return true;
      if (is_at(Place::top, Field::unknown) || is_at(Place::descriptor, Field::unknown)) return true;
    }
    return refuse("wrong kind (got " + std::string(kind) + ")");
  }

  bool take_top_text(std::string& value) {
    switch (top_field_) {
      case Field::media_type: document.media_type = std::move(value); return true;
      case Field::artifact_type: document.artifact_type = std::move(value); return true;
      default: return take_other("a text");
    }
  }

  bool take_descriptor_text(std::string& value) {
    switch (descriptor_field_) {
      case Field::media_type: return parse_into(descriptor_.media_type, MediaType::parse(value));
      case Field::digest: return parse_into(descriptor_.digest, Digest::parse(value));
      case Field::artifact_type: descriptor_.artifact_type = std::move(value); return true;
      case Field::data: descriptor_.is_elsewhere |= !value.empty(); return true;
      default: return take_other("a text");
    }
  }

  bool take_platform_text(std::string& value) {
    switch (platform_field_) {
      case Field::os: descriptor_.platform.os = std::move(value); return true;
      case Field::architecture: descriptor_.platform.architecture = std::move(value); return true;
      case Field::variant: descriptor_.platform.variant = std::move(value); return true;
      default: return true;
    }
  }

  template <class T>
  bool parse_into(std::optional<T>& target, Result<T> parsed) {
    if (!parsed) {
      error = std::move(parsed).error().with_context("in the manifest's " + where());
      return false;
    }
    target = std::move(*parsed);
    return true;
  }

  bool annotate(std::string_view value) {
    append_json_text(annotations_, value);
    return true;
  }

  bool finish_descriptor() {
    if (!descriptor_.media_type || !descriptor_.digest || !descriptor_.size_bytes) {
      return refuse("incomplete descriptor (want mediaType, digest and size)");
    }
    const bool is_optional = descriptor_.is_elsewhere || descriptor_.media_type->is_non_distributable();
    ListedDescriptor listed{.descriptor = {.media_type = std::move(*descriptor_.media_type),
                                           .digest = *descriptor_.digest,
                                           .size_bytes = *descriptor_.size_bytes,
                                           .is_optional = is_optional,
                                           .platform = std::move(descriptor_.platform)},
                            .artifact_type = std::move(descriptor_.artifact_type),
                            .annotations_json = std::move(descriptor_.annotations_json)};
    switch (top_field_) {
      case Field::config: document.config = std::move(listed); return true;
      case Field::subject: document.subject = std::move(listed); return true;
      case Field::layers: document.layers->push_back(std::move(listed)); return true;
      default: document.manifests->push_back(std::move(listed)); return true;
    }
  }

  /// "'layers[2].digest'": where the reader is, as far as it knows the fields.
  std::string where() const {
    std::string path = "'";
    path.append(name_of(top_field_));
    if (top_field_ == Field::layers && document.layers) append_position(path, document.layers->size());
    if (top_field_ == Field::manifests && document.manifests) append_position(path, document.manifests->size());
    if (place() == Place::descriptor) path.append(".").append(name_of(descriptor_field_));
    path.push_back('\'');
    return path;
  }
  static void append_position(std::string& path, std::size_t position) {
    path.append("[").append(std::to_string(position)).append("]");
  }

  bool refuse(std::string_view reason) {
    std::string message = "cannot parse manifest";
    if (depth_ > 0) message.append(" at ").append(where());
    error.emplace(ErrorCode::invalid, message.append(": ").append(reason));
    return false;
  }

  const ListedAnnotations listed_annotations_;

  std::array<Place, kManifestDepthMax> places_{};
  std::size_t depth_ = 0;
  Field top_field_ = Field::unknown;         ///< of the object at the top, also while inside of that field
  Field descriptor_field_ = Field::unknown;  ///< of the innermost descriptor
  Field platform_field_ = Field::unknown;
  unsigned seen_in_top_ = 0;
  unsigned seen_in_descriptor_ = 0;
  unsigned seen_in_platform_ = 0;
  HalfDescriptor descriptor_;
  std::string annotations_;
};

}  // namespace

Result<Document> read_document(ByteView bytes, ListedAnnotations listed_annotations) {
  const std::string_view text = as_text(bytes);
  // The library takes a zero byte for the end and a byte order mark for nothing; to JSON's grammar both are wrong.
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) {
    return fail(ErrorCode::invalid, "cannot parse manifest: not JSON (got a zero byte or a byte order mark)");
  }
  DocumentReader reader(listed_annotations);
  if (!json::sax_parse(text.begin(), text.end(), &reader)) {
    LB_ASSERT(reader.error.has_value());
    return std::unexpected(std::move(*reader.error));
  }
  return std::move(reader.document);
}

std::string compact_annotations(std::string_view text) {
  std::string wrapped = R"({"annotations":)";
  wrapped.append(text).append("}");
  auto document = read_document(as_bytes(wrapped), ListedAnnotations::skipped);
  return document ? std::move(document->annotations_json) : std::string();
}

}  // namespace lifeboat::oci
