#include "cli/copy_places.h"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string words_of(const CopySource& source) {
  if (!source.host) return "layout " + source.directory + " " + source.layout_name;
  return source.host->to_string() + " " + source.repository->to_string() + " " + source.reference->to_string();
}

std::string words_of(const std::vector<CopyTarget>& targets) {
  std::string text;
  for (const CopyTarget& target : targets) {
    text += (text.empty() ? "" : ", ") + target.name();
    for (const oci::Tag& tag : target.tags) text += " " + tag.to_string();
  }
  return text;
}

TEST(CopySource, is_what_people_write) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"ghcr.io/org/app:v1", "ghcr.io org/app v1"},
      {"ghcr.io/org/app", "ghcr.io org/app latest"},
      {"localhost:5000/app@" + kDigest, "localhost:5000 app " + kDigest},
      {"docker://r.example/a:1", "r.example a 1"},
      {"nginx", "docker.io nginx latest"},
      {"oci:./out", "layout ./out "},
      {"oci:/srv/layout:1.0", "layout /srv/layout 1.0"},
      {"oci:/srv/layout:docker.io/library/a:1", "layout /srv/layout docker.io/library/a:1"},
  };
  for (const auto& [text, want] : rows) {
    const auto source = parse_copy_source(text);
    ASSERT_TRUE(source) << text << ": " << source.error().message();
    EXPECT_EQ(words_of(*source), want) << text;
  }
  for (const char* text : {"", "oci:", "oci::1", "UPPER/case", "oci-archive:a.tar", "docker-archive:a.tar", "dir:x",
                           "docker-daemon:a:1", "r.example/a:b:c"}) {
    EXPECT_FALSE(parse_copy_source(text)) << text;
  }
}

TEST(CopyTargets, of_one_place_are_one_with_all_its_tags) {
  const oci::Tag v1 = *oci::Tag::parse("v1");
  struct Row {
    std::vector<std::string> texts;
    std::optional<oci::Tag> otherwise;
    const char* want;
  };
  const std::vector<Row> rows{
      {{"ghcr.io/org/app:latest", "ghcr.io/org/app:sha1", "r.example/app:latest"},
       v1,
       "ghcr.io/org/app latest sha1, r.example/app latest"},
      {{"ghcr.io/org/app"}, v1, "ghcr.io/org/app v1"},
      {{"ghcr.io/org/app"}, {}, "ghcr.io/org/app"},
      {{"localhost:5000/app"}, v1, "localhost:5000/app v1"},
      {{"localhost:5000/app:2", "localhost:5000/app:2"}, v1, "localhost:5000/app 2"},
      {{"oci:out:2", "oci:out", "oci:other"}, v1, "oci:out 2 v1, oci:other v1"},
  };
  for (const Row& row : rows) {
    const auto targets = parse_copy_targets(row.texts, row.otherwise);
    ASSERT_TRUE(targets) << row.want << ": " << targets.error().message();
    EXPECT_EQ(words_of(*targets), row.want);
  }
  for (const std::string& text : {std::string("r.example/app@") + kDigest, std::string("docker-archive:a.tar"),
                                  std::string("oci:out:a/b"), std::string("")}) {
    EXPECT_FALSE(parse_copy_targets({text}, v1)) << text;
  }
  EXPECT_FALSE(parse_copy_targets({"oci:out"}, std::nullopt)) << "nothing in a layout is found without a name";
}

}  // namespace
}  // namespace lifeboat::cli
