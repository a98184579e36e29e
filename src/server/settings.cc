#include "server/settings.h"

#include <algorithm>
#include <array>

namespace lifeboat::server {
namespace {

constexpr Section kSections[] = {
    {"server", "How clients are served."},
    {"storage", "Where content is kept, and what clients may do to it."},
    {"capture", "What is fetched from upstreams before anybody asks for it."},
    {"gc", "When what nothing needs any more is removed."},
    {"scrub", "How what is held is looked at again and again, and mended."},
    {"log", "What is written to standard error."},
    {"metrics", "Numbers for Prometheus."},
    {kUpstreamSection,
     "A remote registry that is pulled through, one `[[upstream]]` each. Naming a built-in one replaces it."},
    {kEndpointSection,
     "The addresses of an upstream in the order they are tried, as in `endpoints = [{ url = \"https://…\" }, …]`. Left "
     "out, it is `https://<host>`."},
    {kRuleSection,
     "What differs for some repositories and tags of an upstream, as in `rules = [{ match = \"org/*:latest\", "
     "fresh_for = \"10s\" }, …]`. The first rule that fits counts, and no other; what it leaves out is as the upstream "
     "has it."},
    {kProbeSection,
     "A registry all of whose tags are proved to be whole, again and again, one `[[probe]]` each: a replica, a "
     "registry "
     "that others collect garbage in, or this one."},
    {kRetentionSection,
     "What is kept of some repositories, one `[[retention]]` each, carried out every `gc.prune_every`. Nothing that "
     "something kept needs goes, nothing that is pinned, and nothing of an upstream that cannot be asked; the bytes go "
     "with the next collection."},
};

constexpr UpstreamList kUpstreamLists[] = {
    {kEndpointSection, "endpoints", "an endpoint", "[{ url = \"https://registry.example\" }]"},
    {kRuleSection, "rules", "a rule", "[{ match = \"org/*:latest\", fresh_for = \"10s\" }]"},
};

constexpr BuiltinUpstream kBuiltin[] = {
    {"docker.io", "https://registry-1.docker.io"},
    {"ghcr.io", "https://ghcr.io"},
    {"quay.io", "https://quay.io"},
    {"registry.k8s.io", "https://registry.k8s.io"},
    {"gcr.io", "https://gcr.io"},
    {"mcr.microsoft.com", "https://mcr.microsoft.com"},
    {"public.ecr.aws", "https://public.ecr.aws"},
};

void append_upper(std::string& out, std::string_view text) {
  for (const char letter : text)
    out.push_back(letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter);
}

}  // namespace

std::span<const Section> sections() { return kSections; }
std::span<const BuiltinUpstream> builtin_upstreams() { return kBuiltin; }

std::span<const UpstreamList> upstream_lists() { return kUpstreamLists; }

const UpstreamList* find_upstream_list(std::string_view section) {
  const auto* found = std::ranges::find(kUpstreamLists, section, &UpstreamList::section);
  return found == std::end(kUpstreamLists) ? nullptr : found;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  for (const Setting& setting : settings()) {
    if (setting.section == section && setting.key == key) return &setting;
  }
  return nullptr;
}

std::string path_of(const Setting& setting) { return std::string(setting.section).append(".").append(setting.key); }

std::string variable_of(const Setting& setting, UpstreamIndex index) {
  std::string name = "LIFEBOAT_";
  if (setting.is_of_process()) {
    append_upper(name, setting.section);
  } else if (is_process_list(setting.section)) {
    append_upper(name, setting.section);
    name.append("_").append(std::to_string(index.entry));
  } else {
    name.append("UPSTREAM_").append(std::to_string(index.upstream));
    if (const UpstreamList* list = find_upstream_list(setting.section)) {
      name.push_back('_');
      append_upper(name, list->key);
      name.append("_").append(std::to_string(index.entry));
    }
  }
  name.push_back('_');
  append_upper(name, setting.key);
  return name;
}

std::string usual_url(std::string_view host_name) {
  for (const BuiltinUpstream& builtin : kBuiltin) {
    if (builtin.host == host_name) return std::string(builtin.url);
  }
  return std::string("https://").append(host_name);
}

}  // namespace lifeboat::server
