#include "oci/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace lifeboat::oci {
namespace {

const std::string kEmptySha256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kEmptySha512 =
    "sha512:"
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd4741"
    "7a81a538327af927da3e";

TEST(Digest, renders_what_it_parsed) {
  for (const std::string& text : {kEmptySha256, kEmptySha512}) {
    const auto digest = Digest::parse(text);
    ASSERT_TRUE(digest.has_value()) << text;
    EXPECT_EQ(digest->to_string(), text);
    EXPECT_EQ(std::string(digest->algorithm_name()) + ":" + digest->hex(), text);
    EXPECT_EQ(Digest::of_raw(digest->algorithm(), digest->raw()), *digest);
  }
}

TEST(Digest, is_the_hash_of_bytes) {
  EXPECT_EQ(Digest::of(HashAlgorithm::sha256, {}).to_string(), kEmptySha256);
  EXPECT_EQ(Digest::of(HashAlgorithm::sha512, {}).to_string(), kEmptySha512);
  EXPECT_EQ(Digest::of(HashAlgorithm::sha256, as_bytes("abc")).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, refuses_what_is_malformed) {
  const std::string hex = kEmptySha256.substr(7);
  const struct {
    std::string name, text;
  } rows[] = {
      {"empty", ""},
      {"no algorithm", hex},
      {"only the algorithm", "sha256:"},
      {"no colon", "sha256" + hex},
      {"another algorithm", "blake3:" + hex},
      {"upper-case algorithm", "SHA256:" + hex},
      {"an upper-case letter", "sha256:E" + hex.substr(1)},
      {"no hex letter", "sha256:g" + hex.substr(1)},
      {"one too short", "sha256:" + hex.substr(1)},
      {"two too short", "sha256:" + hex.substr(2)},
      {"one too long", kEmptySha256 + "0"},
      {"length of the other algorithm", "sha512:" + hex},
      {"other length for sha256", "sha256:" + kEmptySha512.substr(7)},
      {"space before", " " + kEmptySha256},
      {"newline after", kEmptySha256 + "\n"},
      {"zero byte inside", "sha256:" + std::string(1, '\0') + hex.substr(1)},
      {"path", "sha256:../../../../../../../../../../../../../../../../../../../../etc"},
  };
  for (const auto& row : rows) {
    const auto digest = Digest::parse(row.text);
    ASSERT_FALSE(digest.has_value()) << row.name;
    EXPECT_EQ(digest.error().code(), ErrorCode::invalid) << row.name;
    EXPECT_LT(digest.error().message().size(), 250U) << row.name;
    EXPECT_EQ(digest.error().message().find('\n'), std::string::npos) << row.name;
  }
}

TEST(Digest, differs_by_algorithm_and_bytes) {
  const Digest one = Digest::of(HashAlgorithm::sha256, as_bytes("a"));
  const Digest other = Digest::of(HashAlgorithm::sha256, as_bytes("b"));
  const Digest longer = Digest::of(HashAlgorithm::sha512, as_bytes("a"));
  const std::unordered_set<Digest> all{one, other, longer, one};
  EXPECT_EQ(all.size(), 3U);
  EXPECT_NE(one, other);
  EXPECT_NE(one, longer);
  EXPECT_NE(std::hash<Digest>{}(one), std::hash<Digest>{}(other));
}

}  // namespace
}  // namespace lifeboat::oci
