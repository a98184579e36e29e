#include "test/sim/sim_registry.h"

#include <algorithm>
#include <array>

#include "oci/digest.h"
#include "oci/media_type.h"

namespace lifeboat::sim {
namespace {

using std::chrono::seconds;

constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";

std::string digest_of(const std::string& bytes) {
  return oci::Digest::of(HashAlgorithm::sha256, as_bytes(bytes)).to_string();
}

std::string descriptor(std::string_view type, const std::string& digest, std::size_t size) {
  return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + digest + R"(","size":)" + std::to_string(size) +
         "}";
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size) {
    uint64_t word = random.next();
    for (int i = 0; i < 8; ++i, word >>= 8U) bytes.push_back(static_cast<char>(word & 0xffU));
  }
  bytes.resize(size);
  return bytes;
}

/// Mostly small; some are longer than what is withheld until the digest is known, and than a block.
std::size_t layer_size(Random& random) {
  const uint64_t kind = random.between(0, 99);
  if (kind < 5) return random.between(0, 1);
  if (kind < 70) return random.between(100, 20'000);
  if (kind < 97) return random.between(60'000, 250'000);
  return random.between(1'000'000, 1'200'000);
}

class Builder {
 public:
  Builder(Random random, std::string name) : random_(random) { made_.name = std::move(name); }

  SimRepository build(Duration until) {
    const std::size_t layers = random_.between(3, 6);
    for (std::size_t i = 0; i < layers; ++i) layers_.push_back(add_blob(random_bytes(random_, layer_size(random_))));
    const std::size_t tags = random_.between(1, 3);
    for (std::size_t i = 0; i < tags; ++i) add_tag("v" + std::to_string(i), until);
    return std::move(made_);
  }

 private:
  std::string add_blob(std::string bytes) {
    std::string digest = digest_of(bytes);
    made_.blobs.emplace(digest, std::move(bytes));
    return digest;
  }

  std::string add_manifest() {
    Document document{.bytes = {}, .media_type = std::string(oci::kOciManifest), .children = {}, .blobs = {}};
    const std::string config = add_blob(R"({"architecture":"amd64","build":)" + std::to_string(++builds_) + "}");
    document.blobs.push_back(config);
    std::string layers;
    for (const std::string& layer : layers_) {
      if (!random_.has_chance(60)) continue;
      if (!layers.empty()) layers += ",";
      layers += descriptor(kLayerType, layer, made_.blobs.at(layer).size());
      document.blobs.push_back(layer);
    }
    document.bytes = R"({"schemaVersion":2,"mediaType":")" + document.media_type + R"(","config":)" +
                     descriptor(kConfigType, config, made_.blobs.at(config).size()) + R"(,"layers":[)" + layers + "]}";
    return add_document(std::move(document));
  }

  std::string add_index() {
    Document document{.bytes = {}, .media_type = std::string(oci::kOciIndex), .children = {}, .blobs = {}};
    std::string manifests;
    for (int i = 0; i < 2; ++i) {
      const std::string child = add_manifest();
      if (!manifests.empty()) manifests += ",";
      manifests += descriptor(oci::kOciManifest, child, made_.manifests.at(child).bytes.size());
      manifests.back() = ',';
      manifests += R"("platform":{"os":"linux","architecture":")" + std::string(i == 0 ? "amd64" : "arm64") + R"("}})";
      document.children.push_back(child);
    }
    document.bytes =
        R"({"schemaVersion":2,"mediaType":")" + document.media_type + R"(","manifests":[)" + manifests + "]}";
    return add_document(std::move(document));
  }

  std::string add_document(Document document) {
    std::string digest = digest_of(document.bytes);
    made_.manifests.emplace(digest, std::move(document));
    return digest;
  }

  void add_tag(std::string name, Duration until) {
    SimTag tag{.name = std::move(name), .versions = {}, .removed = std::nullopt};
    Duration time{};
    do {
      tag.versions.push_back({time, random_.has_chance(40) ? add_index() : add_manifest()});
      time += random_.between(seconds(5), seconds(90));
    } while (time < until);
    if (random_.has_chance(15)) tag.removed = random_.between(seconds(10), until);
    made_.tags.push_back(std::move(tag));
  }

  Random random_;
  SimRepository made_;
  std::vector<std::string> layers_;
  int builds_ = 0;
};

SimEndpoint draw_endpoint(Random random, const SimHost& host, std::size_t index, Duration until,
                          const WorldOptions& options) {
  SimEndpoint endpoint;
  endpoint.name = "r" + std::to_string(index) + "." + host.name;
  const uint64_t login = random.between(0, 2);
  endpoint.login = login == 0   ? SimEndpoint::Login::none
                   : login == 1 ? SimEndpoint::Login::basic
                                : SimEndpoint::Login::bearer;
  endpoint.tells_digest_in_head = random.has_chance(90);
  endpoint.knows_ranges = random.has_chance(85);
  endpoint.announces_length = random.has_chance(75);
  endpoint.has_storage = random.has_chance(25);
  endpoint.latency = random.between(Duration(1), Duration(80));
  endpoint.rate_bytes = random.between(40'000, 4'000'000);
  endpoint.retry_after = random.between(seconds(1), seconds(20));
  // The first one is where the content is pushed to; of a mirror something may be missing.
  const bool is_mirror_with_gaps = index > 0 && random.has_chance(40);
  for (const SimRepository& repository : host.repositories) {
    for (const auto& [digest, bytes] : repository.blobs) {
      if (is_mirror_with_gaps && random.has_chance(30)) endpoint.lacks.insert(digest);
    }
    for (const auto& [digest, document] : repository.manifests) {
      if (is_mirror_with_gaps && random.has_chance(15)) endpoint.lacks.insert(digest);
    }
  }
  const auto faults_of = [&](const std::vector<Fault>& all) {
    return options.only_fault ? std::vector<Fault>{*options.only_fault} : all;
  };
  endpoint.registry = random_schedule(random.fork(), faults_of(registry_faults()), until);
  endpoint.realm = random_schedule(random.fork(), faults_of(realm_faults()), until);
  endpoint.storage = random_schedule(random.fork(), faults_of(registry_faults()), until);
  return endpoint;
}

/// Everything dead or lying at once, with a change of mind in the middle.
void darken(Random random, SimEndpoint& endpoint, Duration begin, Duration end) {
  const auto add = [&](Schedule& schedule, const std::vector<Fault>& faults) {
    const Duration change = random.between(begin, end);
    schedule.add({.begin = begin, .end = change, .fault = random.pick(faults)});
    schedule.add({.begin = change, .end = end, .fault = random.pick(faults)});
  };
  // Not those that a client gets through.
  std::vector<Fault> faults = registry_faults();
  std::erase_if(faults, [](Fault fault) { return fault == Fault::slow_head || fault == Fault::slow_body; });
  add(endpoint.registry, faults);
  std::vector<Fault> realm = realm_faults();
  std::erase(realm, Fault::slow_head);
  add(endpoint.realm, realm);
  add(endpoint.storage, faults);
}

}  // namespace

std::optional<std::size_t> SimTag::version_at(Duration time) const {
  if (removed && time >= *removed) return std::nullopt;
  std::size_t found = 0;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].since <= time) found = i;
  }
  return found;
}

std::optional<std::size_t> SimTag::version_of(const std::string& digest) const {
  const auto found = std::ranges::find(versions, digest, &Version::digest);
  if (found == versions.end()) return std::nullopt;
  return static_cast<std::size_t>(found - versions.begin());
}

const SimTag* SimRepository::find_tag(const std::string& tag) const {
  const auto found = std::ranges::find(tags, tag, &SimTag::name);
  return found == tags.end() ? nullptr : &*found;
}

const SimRepository* SimHost::find_repository(const std::string& repository) const {
  const auto found = std::ranges::find(repositories, repository, &SimRepository::name);
  return found == repositories.end() ? nullptr : &*found;
}

const SimHost* SimWorld::find_host(const std::string& host) const {
  const auto found = std::ranges::find(hosts, host, &SimHost::name);
  return found == hosts.end() ? nullptr : &*found;
}

SimWorld SimWorld::draw(const WorldOptions& options) {
  static constexpr std::array<std::string_view, 3> kNames{"alpha.example", "beta.example", "gamma.example"};
  Random random(options.seed * 1'000'003 + 17);
  SimWorld world;
  world.busy_until = random.between(seconds(60), seconds(150));
  world.dark_until = world.busy_until + random.between(seconds(40), seconds(90));
  const std::size_t hosts = random.between(1, kNames.size());
  for (std::size_t i = 0; i < hosts; ++i) {
    SimHost host{.name = std::string(kNames.at(i)), .repositories = {}, .endpoints = {}};
    host.fresh_for = random.between(seconds(1), seconds(60));
    host.not_found_for = random.between(Duration(0), seconds(5));
    host.captures = random.has_chance(60);
    host.drops_gone = options.drops_gone.value_or(random.has_chance(25));
    host.serves_on_credential_fault = random.has_chance(85);
    const std::size_t repositories = random.between(1, 2);
    for (std::size_t k = 0; k < repositories; ++k) {
      Builder builder(random.fork(), "team/app" + std::to_string(k));
      host.repositories.push_back(builder.build(world.busy_until));
    }
    const std::size_t endpoints = options.endpoints.value_or(random.between(1, 3));
    for (std::size_t k = 0; k < endpoints; ++k) {
      host.endpoints.push_back(draw_endpoint(random.fork(), host, k, world.busy_until, options));
      darken(random.fork(), host.endpoints.back(), world.busy_until, world.dark_until);
    }
    world.hosts.push_back(std::move(host));
  }
  return world;
}

}  // namespace lifeboat::sim
