#include "registry/adopt/adopt.h"

#include <algorithm>
#include <utility>

#include "registry/manifest_edges.h"
#include "registry/tree/finding.h"

namespace lifeboat::registry::adopt {
namespace {

/// For one thing to begin to come, with the pauses that a registry asks for.
constexpr Duration kAnswerWithin = std::chrono::minutes(2);
constexpr std::string_view kSource = "adopt";

}  // namespace

Call Adopter::call() const { return {parts_.clock.now() + kAnswerWithin, "adopt"}; }

Awaitable<void> Adopter::work_on(Work& work) {
  while (work.next < work.all) {
    const std::size_t index = work.next++;
    co_await (*work.each)(index);
  }
}

Awaitable<void> Adopter::in_parallel(std::size_t all, Each each) {
  Work work{.all = all, .each = &each};
  sys::TaskGroup group(parts_.loops);
  for (std::size_t i = 0; i < std::min<std::size_t>(options_.jobs, all); ++i) group.spawn(work_on(work));
  co_await group.join();
}

bool Adopter::is_wanted(const oci::Repository& repository, const std::string& tag) const {
  const auto parsed = oci::Tag::parse(tag);
  if (options_.patterns.empty()) return true;
  return std::ranges::any_of(options_.patterns, [&](const oci::ReferencePattern& pattern) {
    return pattern.matches(repository, parsed ? &*parsed : nullptr);
  });
}

bool Adopter::is_wanted(const oci::Repository& repository) const {
  return options_.patterns.empty() || std::ranges::any_of(options_.patterns, [&](const auto& pattern) {
           return pattern.matches(repository, nullptr);
         });
}

/// A full disk fails everything that comes after as well.
void Adopter::note_failure(const Error& error) {
  if (error.code() == ErrorCode::no_space && !stop_) stop_ = error;
}

Task<AdoptReport> Adopter::run(std::function<void(const AdoptProgress&)> told) {
  told_ = std::move(told);
  LB_CO_TRY(const auto repositories, co_await parts_.origin.repositories(call()));
  progress_.repositories_all = repositories.size();
  for (const std::string& text : repositories) {
    progress_.repository = text;
    auto repository = oci::Repository::parse(text);
    if (repository) {
      const Status adopted = co_await adopt(std::move(*repository));
      if (!adopted) refuse(text, adopted.error().message());
    } else {
      refuse(text, repository.error().message());
    }
    if (stop_) co_return std::unexpected(*stop_);
    ++progress_.repositories_done;
  }
  std::ranges::sort(report_.refused);
  co_return std::move(report_);
}

Task<void> Adopter::adopt(oci::Repository repository) {
  told_(progress_);
  LB_CO_TRY(Names names, co_await parts_.origin.names(call(), repository.to_string()));
  Closure closure;
  tags_.clear();
  for (Refusal& refused : names.refused) report_.refused.push_back(std::move(refused));
  for (const Names::Tagged& one : names.tags) {
    if (!is_wanted(repository, one.tag)) continue;
    tags_[one.digest].push_back(one.tag);
    closure.want(one.digest);
  }
  if (is_wanted(repository)) {
    for (const oci::Digest& untagged : names.untagged) closure.want(untagged);
  }
  co_await gather(repository, closure);
  const std::vector<WantedBlob> blobs = closure.blobs();
  const Each bring_one = [&](std::size_t i) { return bring(repository, closure, blobs[i]); };
  co_await in_parallel(blobs.size(), bring_one);
  const auto generations = closure.whole();
  for (const std::vector<oci::Digest>& generation : generations) {
    if (stop_) co_return fail(stop_->code(), stop_->message());
    const Each keep_one = [&](std::size_t i) { return keep(repository, closure, generation[i]); };
    co_await in_parallel(generation.size(), keep_one);
    report_.totals.manifests += generation.size();
  }
  for (const auto& [digest, tags] : tags_) {
    const auto fault = closure.fault_of(digest);
    if (!fault) continue;
    for (const std::string& tag : tags) refuse(name_of_tag(repository.to_string(), tag), *fault);
  }
  for (const oci::Digest& one : names.untagged) {
    const auto fault = is_wanted(repository) && !tags_.contains(one) ? closure.fault_of(one) : std::nullopt;
    if (fault) refuse(name_of_digest(repository.to_string(), one), *fault);
  }
  if (!generations.empty()) ++report_.totals.repositories;
  co_return Status();
}

/// Generation by generation from the names downwards, and what refers to them.
Awaitable<void> Adopter::gather(const oci::Repository& repository, Closure& closure) {
  for (;;) {
    const std::vector<oci::Digest> wanted = closure.take_wanted();
    if (wanted.empty()) co_return;
    const Each ask_one = [&](std::size_t i) { return ask_for(repository, closure, wanted[i]); };
    co_await in_parallel(wanted.size(), ask_one);
  }
}

Awaitable<void> Adopter::ask_for(const oci::Repository& repository, Closure& closure, oci::Digest manifest) {
  auto bytes = co_await parts_.origin.manifest(call(), repository.to_string(), manifest);
  if (!bytes) {
    closure.failed(manifest, bytes.error().message());
    co_return;
  }
  closure.came(manifest, std::move(*bytes));
  const auto referrers = co_await parts_.origin.referrers(call(), repository.to_string(), manifest);
  if (!referrers) {
    refuse(name_of_digest(repository.to_string(), manifest), "what refers to it: " + referrers.error().message());
    co_return;
  }
  for (const oci::Digest& one : *referrers) closure.want(one);
}

Awaitable<void> Adopter::bring(const oci::Repository& repository, Closure& closure, WantedBlob blob) {
  if (stop_) co_return;
  told_(progress_);
  Result<Landing::Landed> landed = Landing::Landed{};
  if (options_.is_dry_run) {
    const auto size = co_await parts_.origin.look(call(), repository.to_string(), blob.digest);
    if (size) {
      landed->size_bytes = size->value_or(blob.size_bytes);
    } else {
      landed = std::unexpected(size.error());
    }
  } else {
    landed = co_await parts_.origin.bring(call(), repository.to_string(), blob, *parts_.landing);
  }
  if (landed && !options_.is_dry_run) {
    const meta::BlobRecord record{blob.digest, landed->size_bytes};
    const oci::RepositoryId here{std::nullopt, repository};
    const Status added = co_await parts_.names->blobs().add(call(), here, record);
    if (!added) landed = std::unexpected(added.error());
  }
  if (!landed) {
    note_failure(landed.error());
    closure.failed(blob.digest, landed.error().message());
    co_return;
  }
  closure.is_there(blob.digest, landed->size_bytes);
  ++report_.totals.blobs;
  ++report_.totals.how[landed->how];
  report_.totals.bytes += landed->size_bytes;
  ++progress_.blobs;
  progress_.bytes += landed->size_bytes;
}

Awaitable<void> Adopter::keep(const oci::Repository& repository, Closure& closure, oci::Digest manifest) {
  const Status kept = co_await keep_now(repository, closure, manifest);
  if (kept) co_return;
  note_failure(kept.error());
  refuse(name_of_digest(repository.to_string(), manifest), kept.error().message());
}

Task<std::vector<oci::Tag>> Adopter::tags_to_make(const oci::Repository& repository, const oci::Digest& manifest) {
  std::vector<oci::Tag> tags;
  const auto wanted = tags_.find(manifest);
  if (wanted == tags_.end()) co_return tags;
  for (const std::string& text : wanted->second) {
    const auto tag = oci::Tag::parse(text);
    const std::string name = name_of_tag(repository.to_string(), text);
    if (!tag) {
      refuse(name, tag.error().message());
      continue;
    }
    if (parts_.names != nullptr && !options_.replaces_tags) {
      const oci::RepositoryId here{std::nullopt, repository};
      const auto held = co_await parts_.names->tags().find(call(), here, *tag);
      if (held && held->digest != manifest) {
        refuse(name, "it is here already with another digest (got " + held->digest.to_string() + ", want " +
                         manifest.to_string() + "; --replace moves it)");
        continue;
      }
    }
    tags.push_back(*tag);
  }
  co_return tags;
}

Task<void> Adopter::keep_now(const oci::Repository& repository, Closure& closure, oci::Digest manifest) {
  LB_CO_TRY(std::vector<oci::Tag> tags, co_await tags_to_make(repository, manifest));
  report_.totals.tags += tags.size();
  if (options_.is_dry_run) co_return Status();
  const std::string& bytes = closure.bytes_of(manifest);
  const oci::Manifest& document = closure.manifest_of(manifest);
  meta::ManifestPut put{.repository = {std::nullopt, repository},
                        .manifest = record_of(document, manifest, bytes.size()),
                        .edges = edges_of(document),
                        .tags = std::move(tags),
                        .condition = std::nullopt,
                        .source = std::string(kSource)};
  LB_CO_CHECK(co_await parts_.landing->blobs().put(call(), manifest, bytes));
  co_return co_await parts_.names->manifests().put(call(), std::move(put));
}

}  // namespace lifeboat::registry::adopt
