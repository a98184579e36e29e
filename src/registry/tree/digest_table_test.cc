#include "registry/tree/digest_table.h"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::registry {
namespace {

oci::Digest sha256(int number) { return oci::Digest::of(HashAlgorithm::sha256, as_bytes(std::to_string(number))); }

TEST(DigestTable, gives_each_digest_one_number_also_while_it_grows) {
  constexpr int kMany = 10000;
  DigestTable table;
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(table.id_of(sha256(i)), static_cast<DigestTable::Id>(i));
  for (int i = 0; i < kMany; ++i) {
    ASSERT_EQ(table.id_of(sha256(i)), static_cast<DigestTable::Id>(i)) << "asked again";
    ASSERT_EQ(table.digest(static_cast<DigestTable::Id>(i)), sha256(i));
    ASSERT_EQ(table.find(sha256(i)), static_cast<DigestTable::Id>(i));
  }
  EXPECT_EQ(table.size(), static_cast<std::size_t>(kMany));
  EXPECT_EQ(table.find(sha256(kMany)), std::nullopt) << "one that was never named";
}

TEST(DigestTable, knows_nothing_when_it_is_empty) { EXPECT_EQ(DigestTable().find(sha256(1)), std::nullopt); }

TEST(DigestTable, tells_digests_apart_that_begin_alike) {
  const oci::Digest longer = oci::Digest::of(HashAlgorithm::sha512, as_bytes("a"));
  const oci::Digest head = oci::Digest::of_raw(HashAlgorithm::sha256, longer.raw().first(32));
  std::vector<std::byte> raw(longer.raw().begin(), longer.raw().end());
  raw.back() ^= std::byte{1};
  const oci::Digest other = oci::Digest::of_raw(HashAlgorithm::sha512, raw);
  DigestTable table;
  EXPECT_EQ(table.id_of(longer), 0U);
  EXPECT_EQ(table.id_of(head), 1U);
  EXPECT_EQ(table.id_of(other), 2U);
  EXPECT_EQ(table.digest(0), longer);
  EXPECT_EQ(table.digest(1), head);
  EXPECT_EQ(table.digest(2), other);
}

}  // namespace
}  // namespace lifeboat::registry
