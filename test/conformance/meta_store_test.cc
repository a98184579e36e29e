#include "meta/memory_store.h"
#include "meta/sqlite_store.h"
#include "test/conformance/meta_store_suite.h"
#include "test/support/temporary_directory.h"

namespace lifeboat::test {
namespace {

class InMemory final : public MetaStoreSetup {
 public:
  explicit InMemory(const sys::Clock& clock) : store_(clock) {}
  meta::Store& store() override { return store_; }

 private:
  meta::MemoryStore store_;
};

class InSqlite final : public MetaStoreSetup {
 public:
  explicit InSqlite(const sys::Clock& clock)
      : store_(meta::SqliteStore::open(directory_.path() / "lifeboat.db", clock).value()) {}
  ~InSqlite() override { EXPECT_TRUE(store_->close()); }
  meta::Store& store() override { return *store_; }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<meta::SqliteStore> store_;
};

template <class Setup>
MetaStoreKind kind(std::string name) {
  return {std::move(name), [](const sys::Clock& clock) { return std::make_unique<Setup>(clock); }};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Meta, MetaStoreSuite,
                         testing::Values(kind<InMemory>("MemoryStore"), kind<InSqlite>("SqliteStore")),
                         [](const auto& row) { return row.param.name; });

}  // namespace lifeboat::test
