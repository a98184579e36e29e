#include "server/offline_store.h"

#include <utility>

#include "blob/fs_store.h"
#include "meta/sqlite_store.h"

namespace lifeboat::server {
namespace {

constexpr unsigned kDiskThreads = 4;
constexpr unsigned kHashThreads = 2;

}  // namespace

OfflineStore::OfflineStore() : disk_("disk", kDiskThreads), hash_("hash", kHashThreads) {}
OfflineStore::~OfflineStore() = default;

Result<std::unique_ptr<OfflineStore>> OfflineStore::open(const sys::Path& root, sys::FileSystem& files,
                                                         sys::Clock& clock) {
  std::unique_ptr<OfflineStore> store(new OfflineStore);
  auto directory = blob::DataDirectory::open(root, files);
  if (!directory && directory.error().code() == ErrorCode::conflict) {
    return fail(ErrorCode::conflict, directory.error().message() + "\nStop the server of the directory first.");
  }
  if (!directory) return std::unexpected(std::move(directory).error());
  store->directory_ = std::move(*directory);
  LB_TRY(store->blobs_, blob::FsStore::open(*store->directory_, files, {store->disk_, store->hash_}));
  LB_TRY(store->names_, meta::SqliteStore::open(store->directory_->meta() / "lifeboat.db", clock));
  return store;
}

}  // namespace lifeboat::server
