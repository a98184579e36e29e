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

TEST(RepairFrom, refuses_what_is_neither) {
  for (const char* text : {"", "relative/path", "team/*=", "=backup.example", "https://backup.example"}) {
    const auto from = RepairFrom::parse(text);
    ASSERT_FALSE(from) << text;
    EXPECT_EQ(from.error().code(), ErrorCode::invalid) << text;
  }
}

}  // namespace
}  // namespace lifeboat::server
