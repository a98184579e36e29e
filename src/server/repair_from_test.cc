#include "server/repair_from.h"

#include <gtest/gtest.h>

namespace lifeboat::server {
namespace {

TEST(RepairFrom, reads_hosts_and_directories_with_and_without_a_pattern) {
  struct Row {
    const char* text;
    const char* match;
    const char* host;
    const char* path;
  };
  for (const Row& row :
       {Row{"backup.example", "", "backup.example", ""}, Row{"backup.example:5000", "", "backup.example:5000", ""},
        Row{"team/*=backup.example", "team/*", "backup.example", ""}, Row{"/var/backup/oci", "", "", "/var/backup/oci"},
        Row{"team/*=/var/backup/a=b", "team/*", "", "/var/backup/a=b"},
        Row{"/var/backup/a=b", "", "", "/var/backup/a=b"}}) {
    const auto from = RepairFrom::parse(row.text);
    ASSERT_TRUE(from) << row.text << ": " << from.error().message();
    EXPECT_EQ(from->match ? from->match->to_string() : "", row.match) << row.text;
    EXPECT_EQ(from->host ? from->host->to_string() : "", row.host) << row.text;
    EXPECT_EQ(from->path, row.path) << row.text;
  }
}

TEST(RepairFrom, reads_directories_of_archives) {
  const auto from = RepairFrom::parse("archive:/mnt/archives=old").value();
  EXPECT_EQ(from.path, "/mnt/archives=old");
  EXPECT_TRUE(from.is_of_archives);
  EXPECT_FALSE(from.host);
  EXPECT_FALSE(from.match);
  const auto matched = RepairFrom::parse("team/*=archive:/mnt/archives").value();
  EXPECT_EQ(matched.path, "/mnt/archives");
  EXPECT_TRUE(matched.is_of_archives);
  EXPECT_EQ(matched.match->to_string(), "team/*");
  EXPECT_FALSE(RepairFrom::parse("/mnt/layout").value().is_of_archives);
  EXPECT_EQ(RepairFrom::parse("archive:5000").value().host->to_string(), "archive:5000") << "a host of that name";
}

TEST(RepairFrom, refuses_what_is_neither) {
  for (const char* text : {"", "relative/path", "team/*=", "=backup.example", "archive:relative",
                           "archive:", "archive:backup.example", "https://backup.example"}) {
    const auto from = RepairFrom::parse(text);
    ASSERT_FALSE(from) << text;
    EXPECT_EQ(from.error().code(), ErrorCode::invalid) << text;
  }
}

}  // namespace
}  // namespace lifeboat::server
