#include "meta/refusal.h"

namespace lifeboat::meta::refusal {
namespace {

std::string at_digest(const oci::RepositoryId& repository, const oci::Digest& digest) {
  return "'" + repository.to_string() + "@" + digest.to_string() + "'";
}

std::string place(const std::optional<oci::Digest>& digest) { return digest ? digest->to_string() : "no tag"; }

}  // namespace

std::unexpected<Error> no_repository(const oci::RepositoryId& repository) {
  return fail(ErrorCode::not_found,
              "cannot find repository '" + repository.to_string() + "': nothing was ever kept there");
}

std::unexpected<Error> no_blob(const oci::RepositoryId& repository, const oci::Digest& digest) {
  return fail(ErrorCode::not_found,
              "cannot find blob " + at_digest(repository, digest) + ": the repository does not have it");
}

std::unexpected<Error> no_blob_to_mount(const std::optional<oci::RepositoryId>& from, const oci::Digest& digest) {
  if (from) return no_blob(*from, digest);
  return fail(ErrorCode::not_found, "cannot mount blob '" + digest.to_string() + "': no repository has it");
}

std::unexpected<Error> no_manifest(const oci::RepositoryId& repository, const oci::Digest& digest) {
  return fail(ErrorCode::not_found,
              "cannot find manifest " + at_digest(repository, digest) + ": the repository does not have it");
}

std::unexpected<Error> no_tag(const oci::RepositoryId& repository, const oci::Tag& tag) {
  return fail(ErrorCode::not_found, "cannot find tag '" + repository.to_string() + ":" + tag.to_string() +
                                        "': the repository does not have it");
}

std::unexpected<Error> no_pin(const oci::RepositoryId& repository, const std::string& reference) {
  return fail(ErrorCode::not_found,
              "cannot find pin '" + reference + "' of repository '" + repository.to_string() + "': there is none");
}

std::unexpected<Error> no_upload(const oci::UploadId& id) {
  return fail(ErrorCode::not_found, "cannot find upload session '" + id.to_string() + "': it is not known");
}

std::unexpected<Error> blob_in_use(const oci::RepositoryId& repository, const oci::Digest& digest,
                                   const oci::Digest& by) {
  return fail(ErrorCode::conflict, "cannot unlink blob " + at_digest(repository, digest) + ": manifest '" +
                                       by.to_string() + "' of the repository names it");
}

std::unexpected<Error> manifest_in_use(const oci::RepositoryId& repository, const oci::Digest& digest,
                                       const oci::Digest& by) {
  return fail(ErrorCode::conflict, "cannot remove manifest " + at_digest(repository, digest) + ": index '" +
                                       by.to_string() + "' of the repository names it");
}

std::unexpected<Error> lacks_required(const oci::RepositoryId& repository, const oci::Digest& manifest,
                                      const oci::Digest& lacking) {
  return fail(ErrorCode::unavailable, "cannot put manifest " + at_digest(repository, manifest) +
                                          ": the repository does not have what it names (want '" + lacking.to_string() +
                                          "')");
}

std::unexpected<Error> tag_elsewhere(const oci::RepositoryId& repository, const oci::Tag& tag, const TagMismatch& at) {
  return fail(ErrorCode::conflict, "cannot point tag '" + repository.to_string() + ":" + tag.to_string() +
                                       "': it is not where the condition wants it (got " + place(at.got) + ", want " +
                                       place(at.want) + ")");
}

std::unexpected<Error> too_late(std::string_view verb) {
  return fail(ErrorCode::timed_out, "cannot " + std::string(verb) + " the index of names: the deadline had passed");
}

}  // namespace lifeboat::meta::refusal
