#include "upstream/secret_expiry.h"

#include <gtest/gtest.h>

#include <string>

#include "upstream/credentials.h"

namespace lifeboat::upstream {
namespace {

/// As `Credentials` write it; the name in front makes three bytes, so that what follows stands for itself.
std::string base64(const std::string& text) {
  return Credentials{"ab", text}.basic().substr(std::string_view("Basic YWI6").size());
}

TEST(SecretExpiry, is_what_the_secret_itself_says) {
  const WallTime when(std::chrono::seconds(1'700'000'000));
  const struct {
    std::string name;
    std::string secret;
    std::optional<WallTime> want;
  } rows[] = {
      {"a JWT", "eyJh." + base64(R"({"sub":"a","exp":1700000000})") + ".c2ln", when},
      {"a JWT with a fraction", "eyJh." + base64(R"({"exp":1700000000.5})") + ".c2ln", when},
      {"a JWT for ever", "eyJh." + base64(R"({"sub":"a"})") + ".c2ln", std::nullopt},
      {"ECR", base64(R"({"payload":"x","version":"2","type":"DATA_KEY","expiration":1700000000})"), when},
      {"a password", "correct horse", std::nullopt},
      {"a password with dots", "a.b.c", std::nullopt},
      {"a personal access token", "ghp_0123456789abcdef0123456789abcdef0123", std::nullopt},
      {"no time", "eyJh." + base64(R"({"exp":"soon"})") + ".c2ln", std::nullopt},
      {"beyond all time", "eyJh." + base64(R"({"exp":1e300})") + ".c2ln", std::nullopt},
      {"before all time", "eyJh." + base64(R"({"exp":-5})") + ".c2ln", std::nullopt},
      {"nothing", "", std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(expiry_of_secret(row.secret), row.want) << row.name;
}

}  // namespace
}  // namespace lifeboat::upstream
