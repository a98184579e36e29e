#include "cli/copy_places.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lifeboat::cli {
namespace {

constexpr std::string_view kLayout = "oci:";
constexpr std::string_view kDocker = "docker://";
/// Of other tools: a name of Docker Hub is not what is meant.
constexpr std::array<std::string_view, 7> kUnknown{
    "oci-archive:", "docker-archive:", "docker-daemon:", "dir:", "containerd:", "containers-storage:", "http:"};

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid, "cannot read '" + std::string(text) + "': " + std::string(why));
}

Status check_transport(std::string_view text) {
  for (const std::string_view transport : kUnknown) {
    if (text.starts_with(transport)) return bad(text, "want [HOST/]NAME[:TAG] or oci:DIR[:NAME]");
  }
  return {};
}

struct Layout {
  std::string directory;
  std::string name;
};
/// Split at the first ':', as skopeo has it.
Result<Layout> parse_layout(std::string_view text) {
  const std::string_view rest = text.substr(kLayout.size());
  const std::size_t colon = std::min(rest.find(':'), rest.size());
  if (colon == 0) return bad(text, "the directory is missing (want oci:DIR[:NAME])");
  return Layout{std::string(rest.substr(0, colon)), std::string(rest.substr(std::min(colon + 1, rest.size())))};
}

oci::RegistryHost host_of(const oci::FullReference& reference) {
  return reference.host ? *reference.host : *oci::RegistryHost::parse("docker.io");
}

std::string_view without_docker(std::string_view text) {
  return text.starts_with(kDocker) ? text.substr(kDocker.size()) : text;
}

bool has_tag(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  return text.find(':', slash == text.npos ? 0 : slash) != text.npos;
}

void merge(std::vector<CopyTarget>& all, CopyTarget target) {
  const auto same = std::ranges::find_if(all, [&](const CopyTarget& one) {
    return one.host == target.host && one.directory == target.directory && one.repository == target.repository;
  });
  if (same == all.end()) {
    all.push_back(std::move(target));
    return;
  }
  for (oci::Tag& tag : target.tags) {
    if (std::ranges::find(same->tags, tag) == same->tags.end()) same->tags.push_back(std::move(tag));
  }
}

Result<CopyTarget> parse_target(std::string_view text, const std::optional<oci::Tag>& otherwise) {
  LB_CHECK(check_transport(text));
  CopyTarget target;
  if (text.starts_with(kLayout)) {
    LB_TRY(Layout layout, parse_layout(text));
    target.directory = std::move(layout.directory);
    if (layout.name.empty() && !otherwise) return bad(text, "the source has no tag: want oci:DIR:TAG");
    if (layout.name.empty()) {
      target.tags.push_back(*otherwise);
    } else {
      LB_TRY(auto tag, oci::Tag::parse(layout.name));
      target.tags.push_back(std::move(tag));
    }
    return target;
  }
  const std::string_view plain = without_docker(text);
  LB_TRY(const auto reference, oci::FullReference::parse(plain));
  if (reference.reference.tag() == nullptr) return bad(text, "a copy goes to a tag, not to a digest: it keeps its own");
  target.host = host_of(reference);
  target.repository = reference.repository;
  if (has_tag(plain)) {
    target.tags.push_back(*reference.reference.tag());
  } else if (otherwise) {
    target.tags.push_back(*otherwise);
  }
  return target;
}

}  // namespace

std::optional<oci::Tag> CopySource::tag() const {
  if (reference) return reference->tag() == nullptr ? std::nullopt : std::optional(*reference->tag());
  const auto named = oci::Tag::parse(layout_name);
  return named ? std::optional(*named) : std::nullopt;
}

Result<CopySource> parse_copy_source(std::string_view text) {
  LB_CHECK(check_transport(text));
  CopySource source;
  if (text.starts_with(kLayout)) {
    LB_TRY(Layout layout, parse_layout(text));
    source.directory = std::move(layout.directory);
    source.layout_name = std::move(layout.name);
    return source;
  }
  LB_TRY(auto reference, oci::FullReference::parse(without_docker(text)));
  source.host = host_of(reference);
  source.repository = std::move(reference.repository);
  source.reference = std::move(reference.reference);
  return source;
}

std::string CopyTarget::name() const {
  return host ? host->to_string() + "/" + repository->to_string() : "oci:" + directory;
}

Result<std::vector<CopyTarget>> parse_copy_targets(const std::vector<std::string>& texts,
                                                   const std::optional<oci::Tag>& otherwise) {
  std::vector<CopyTarget> targets;
  for (const std::string& text : texts) {
    LB_TRY(CopyTarget target, parse_target(text, otherwise));
    merge(targets, std::move(target));
  }
  return targets;
}

}  // namespace lifeboat::cli
