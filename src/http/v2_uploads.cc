#include "http/v2_uploads.h"

#include <utility>

#include "http/upload_body.h"

namespace lifeboat::http {
namespace {

using oci::OciErrorCode;
using registry::Addressing;
using registry::Uploads;
using sys::HttpMethod;
using MaybeResponse = std::optional<sys::HttpResponse>;

/// Takes the body into the session. An answer when that went wrong; the session is then closed if it is of no more use.
Awaitable<MaybeResponse> take_body(RequestContext& context, std::string_view name, Uploads::Lease& lease,
                                   std::optional<uint64_t> length) {
  const ReceivedBody received =
      co_await receive_body(context.exchange(), lease, length.value_or(std::numeric_limits<uint64_t>::max()));
  if (received.write_failure) {
    sys::HttpResponse response = context.refuse(*received.write_failure, Asked::upload);
    (void)co_await context.services().uploads.cancel(context.write_call(), std::move(lease));
    co_return response;
  }
  if (received.read_failure) co_return context.refuse(*received.read_failure, Asked::upload);
  if (received.is_too_long || (length && received.bytes != *length)) {
    sys::HttpResponse response =
        context.refuse(400, OciErrorCode::size_invalid,
                       "cannot append to the upload: the body is not as long as Content-Range says (want " +
                           std::to_string(*length) + " bytes)");
    add_session_fields(response.fields, name, lease);
    co_return response;
  }
  co_return std::nullopt;
}

Awaitable<sys::HttpResponse> commit(RequestContext& context, std::string_view name, Uploads::Lease lease,
                                    oci::Digest digest) {
  const Status committed = co_await context.services().uploads.commit(context.write_call(), std::move(lease), digest);
  if (!committed) co_return context.refuse(committed.error(), Asked::upload);
  co_return created_response(context, name, digest);
}

/// The algorithm a session hashes with (W41, W47): that of the digest that is known already, or as announced.
Result<HashAlgorithm> algorithm_of(const Query& query, const std::optional<oci::Digest>& digest) {
  const auto announced = query.first("digest-algorithm");
  if (announced && *announced != "sha256" && *announced != "sha512") {
    return fail(ErrorCode::invalid,
                "cannot begin an upload: the digest algorithm is not supported (want sha256 or "
                "sha512)");
  }
  if (digest) return digest->algorithm();
  return announced && *announced == "sha512" ? HashAlgorithm::sha512 : HashAlgorithm::sha256;
}

/// The digest of `key`: nothing when the parameter is absent; invalid when it is malformed.
Result<std::optional<oci::Digest>> digest_of(const Query& query, std::string_view key) {
  const auto text = query.first(key);
  if (!text) return std::nullopt;
  LB_TRY(const oci::Digest digest, oci::Digest::parse(with_plus(*text)));
  return digest;
}

/// True when the blob is in the repository now. Whatever stands in the way of a mount, the client then gets an ordinary
/// session (W48): a 403 or 404 fails the pushes of some.
Awaitable<bool> try_mount(RequestContext& context, oci::RepositoryId to, oci::Digest digest) {
  std::optional<oci::RepositoryId> from;
  if (const auto name = context.query().first("from"); name && !name->empty()) {
    const Addressing::Address address{.name = *name, .ns = std::nullopt};
    auto source =
        co_await context.services().addressing.locate(context.read_call(), address, Addressing::Purpose::content);
    if (!source) co_return false;
    from = std::move(*source);
  }
  const auto mounted =
      co_await context.services().push.mount(context.write_call(), std::move(to), std::move(from), digest);
  co_return mounted.has_value();
}

/// The rest of a POST that brings the whole blob (end-4b; W46).
Awaitable<sys::HttpResponse> take_whole(RequestContext& context, const UploadsRoute& route, Uploads::Lease lease,
                                        oci::Digest digest) {
  const ReceivedBody received = co_await receive_body(context.exchange(), lease);
  if (received.write_failure || received.read_failure) {
    // Nobody was told of the session, so nobody can go on with it.
    const Error& failure = received.write_failure ? *received.write_failure : *received.read_failure;
    (void)co_await context.services().uploads.cancel(context.write_call(), std::move(lease));
    co_return context.refuse(failure, Asked::upload);
  }
  const bool is_empty_blob = digest == oci::Digest::of(digest.algorithm(), {});
  if (received.bytes == 0 && !is_empty_blob) co_return session_response(context, 202, route.name, lease);
  co_return co_await commit(context, route.name, std::move(lease), digest);
}

Awaitable<sys::HttpResponse> begin(RequestContext& context, const UploadsRoute& route) {
  Services& services = context.services();
  const auto repository = co_await context.locate(route.name, Addressing::Purpose::write);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  const auto mount = digest_of(context.query(), "mount");
  if (!mount) co_return context.refuse(400, OciErrorCode::digest_invalid, mount.error().message());
  const auto digest = digest_of(context.query(), "digest");
  if (!digest) co_return context.refuse(400, OciErrorCode::digest_invalid, digest.error().message());
  const auto algorithm = algorithm_of(context.query(), *digest);
  if (!algorithm) co_return context.refuse(400, OciErrorCode::digest_invalid, algorithm.error().message());

  if (*mount) {
    const bool is_mounted = co_await try_mount(context, *repository, **mount);
    if (is_mounted) co_return created_response(context, route.name, **mount);
  }
  auto lease = co_await services.uploads.begin(context.write_call(), *repository, *algorithm);
  if (!lease) co_return context.refuse(lease.error(), Asked::upload);
  if (*digest) co_return co_await take_whole(context, route, std::move(*lease), **digest);
  co_return session_response(context, 202, route.name, *lease);
}

Awaitable<sys::HttpResponse> append(RequestContext& context, const UploadRoute& route, Uploads::Lease lease) {
  AnnouncedChunk chunk = announced_chunk(context, route.name, lease);
  if (chunk.refusal) co_return std::move(*chunk.refusal);
  auto failed = co_await take_body(context, route.name, lease, chunk.length);
  if (failed) co_return std::move(*failed);
  co_return session_response(context, 202, route.name, lease);
}

/// A PUT whose session is over: committed as this very digest, it is the repetition of one that succeeded (W40). The
/// body is taken and dropped, as a client that still sends may not look at an answer.
Awaitable<sys::HttpResponse> repeat_commit(RequestContext& context, const UploadRoute& route,
                                           oci::RepositoryId repository, oci::Digest digest, Error unknown) {
  const auto committed =
      co_await context.services().uploads.committed(context.read_call(), std::move(repository), route.id);
  const bool is_outage = !committed && committed.error().code() != ErrorCode::not_found;
  if (is_outage) co_return context.refuse(committed.error(), Asked::upload);
  if (!committed || *committed != digest) co_return context.refuse(unknown, Asked::upload);
  for (;;) {
    const auto block = co_await context.exchange().read_block();
    if (!block) co_return context.refuse(block.error(), Asked::upload);
    if (block->size() == 0) break;
  }
  co_return created_response(context, route.name, digest);
}

Awaitable<sys::HttpResponse> finish(RequestContext& context, const UploadRoute& route, oci::RepositoryId repository) {
  const auto digest = digest_of(context.query(), "digest");
  if (!digest) co_return context.refuse(400, OciErrorCode::digest_invalid, digest.error().message());
  if (!*digest) {
    co_return context.refuse(400, OciErrorCode::digest_invalid, "cannot end the upload: the digest is missing");
  }
  auto lease = co_await context.services().uploads.acquire(context.write_call(), repository, route.id);
  if (!lease && lease.error().code() == ErrorCode::not_found) {
    co_return co_await repeat_commit(context, route, std::move(repository), **digest, lease.error());
  }
  if (!lease) co_return context.refuse(lease.error(), Asked::upload);
  AnnouncedChunk chunk = announced_chunk(context, route.name, *lease);
  if (chunk.refusal) co_return std::move(*chunk.refusal);
  auto failed = co_await take_body(context, route.name, *lease, chunk.length);
  if (failed) co_return std::move(*failed);
  co_return co_await commit(context, route.name, std::move(*lease), **digest);
}

Awaitable<sys::HttpResponse> use_session(RequestContext& context, const UploadRoute& route) {
  const HttpMethod method = context.request().method;
  if (!context.is_read() && method != HttpMethod::patch && method != HttpMethod::put && method != HttpMethod::delete_) {
    co_return context.wrong_method("GET, HEAD, PATCH, PUT, DELETE");
  }
  auto repository = co_await context.locate(route.name, Addressing::Purpose::write);
  if (!repository) co_return context.refuse(repository.error(), Asked::repository);
  if (method == HttpMethod::put) co_return co_await finish(context, route, std::move(*repository));
  Uploads& uploads = context.services().uploads;
  auto lease = co_await uploads.acquire(context.write_call(), std::move(*repository), route.id);
  if (!lease) co_return context.refuse(lease.error(), Asked::upload);
  if (method == HttpMethod::patch) co_return co_await append(context, route, std::move(*lease));
  if (method != HttpMethod::delete_) co_return session_response(context, 204, route.name, *lease);
  const Status cancelled = co_await uploads.cancel(context.write_call(), std::move(*lease));
  if (!cancelled) co_return context.refuse(cancelled.error(), Asked::upload);
  co_return context.response(204);
}

}  // namespace

Awaitable<void> answer(RequestContext& context, const UploadsRoute& route) {
  if (context.request().method != HttpMethod::post) {
    co_return co_await context.exchange().respond(context.wrong_method("POST"));
  }
  sys::HttpResponse response = co_await begin(context, route);
  co_await context.exchange().respond(std::move(response));
}

Awaitable<void> answer(RequestContext& context, const UploadRoute& route) {
  sys::HttpResponse response = co_await use_session(context, route);
  co_await context.exchange().respond(std::move(response));
}

}  // namespace lifeboat::http
