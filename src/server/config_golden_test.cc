#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "server/load.h"
#include "server/show.h"

/// Every mistake under test/golden/config has a text that explains it; the two lie side by side, for people to read.
namespace lifeboat::server {
namespace {

const std::filesystem::path kRoot = LIFEBOAT_SOURCE_ROOT;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ConfigGolden, explains_each_mistake) {
  std::size_t tried = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot / "test/golden/config")) {
    if (entry.path().extension() != ".toml") continue;
    ++tried;
    ConfigSources sources;
    sources.file_text = read(entry.path());
    sources.is_root = true;
    const auto result = load_config(sources);
    ASSERT_FALSE(result.has_value()) << entry.path();
    EXPECT_EQ(result.error().code(), ErrorCode::invalid);
    EXPECT_EQ(result.error().message() + "\n", read(std::filesystem::path(entry.path()).replace_extension(".txt")))
        << entry.path();
    EXPECT_EQ(result.error().message().find("hunter2"), std::string::npos) << entry.path();
  }
  EXPECT_GE(tried, 21U);
}

TEST(ConfigReference, is_current) {
  // When it is not: lifeboat config reference > doc/reference/config.md
  EXPECT_EQ(render_reference(), read(kRoot / "doc/reference/config.md"));
}

}  // namespace
}  // namespace lifeboat::server
