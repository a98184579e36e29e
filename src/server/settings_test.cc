#include "server/settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "server/setting_value.h"

namespace lifeboat::server {
namespace {

TEST(Settings, are_complete_and_unlike_each_other) {
  std::set<std::string> paths;
  std::set<std::string> variables;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(paths.insert(path_of(setting)).second) << path_of(setting);
    EXPECT_TRUE(variables.insert(variable_of(setting)).second) << path_of(setting);
    EXPECT_TRUE(setting.meaning.ends_with('.')) << path_of(setting);
    EXPECT_TRUE(std::ranges::any_of(sections(), [&](const Section& s) { return s.name == setting.section; }));
    EXPECT_EQ(find_setting(setting.section, setting.key), &setting);
    EXPECT_FALSE(wanted(setting).empty());
  }
}

TEST(Settings, stand_together_by_section_in_the_order_of_the_sections) {
  std::vector<std::string_view> seen;
  for (const Setting& setting : settings()) {
    if (seen.empty() || seen.back() != setting.section) seen.push_back(setting.section);
  }
  ASSERT_EQ(seen.size(), sections().size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], sections()[i].name);
}

TEST(Settings, have_a_kind_that_fits_their_place) {
  for (const Setting& setting : settings()) {
    std::visit(
        [&]<class Record>(Slot (*field)(Record&)) {
          Record record;
          const Slot slot = field(record);
          const bool is_choice = std::holds_alternative<LogLevel*>(slot) || std::holds_alternative<LogFormat*>(slot) ||
                                 std::holds_alternative<AccessLog*>(slot) || std::holds_alternative<OnGone*>(slot) ||
                                 std::holds_alternative<OnCredentialFault*>(slot) ||
                                 std::holds_alternative<CaptureMode*>(slot) ||
                                 std::holds_alternative<Override<OnGone>*>(slot) ||
                                 std::holds_alternative<Override<OnCredentialFault>*>(slot);
          const bool is_duration =
              std::holds_alternative<Duration*>(slot) || std::holds_alternative<Override<Duration>*>(slot);
          const bool may_be_unlimited = std::holds_alternative<std::optional<Duration>*>(slot) ||
                                        std::holds_alternative<Override<std::optional<Duration>>*>(slot);
          EXPECT_EQ(setting.kind == SettingKind::choice, is_choice) << path_of(setting);
          EXPECT_EQ(setting.kind == SettingKind::list, std::holds_alternative<std::vector<std::string>*>(slot))
              << path_of(setting);
          EXPECT_EQ(setting.kind == SettingKind::flag, std::holds_alternative<bool*>(slot)) << path_of(setting);
          EXPECT_EQ(setting.kind == SettingKind::duration, is_duration) << path_of(setting);
          EXPECT_EQ(setting.kind == SettingKind::duration_or_unlimited, may_be_unlimited) << path_of(setting);
          EXPECT_EQ(setting.kind == SettingKind::count || setting.kind == SettingKind::size,
                    std::holds_alternative<uint64_t*>(slot))
              << path_of(setting);
        },
        setting.field);
  }
}

TEST(Settings, never_share_a_place) {
  Config config;
  std::set<const void*> places;
  for (const Setting& setting : settings()) {
    if (!setting.is_of_process()) continue;
    const Slot slot = std::get<Slot (*)(Config&)>(setting.field)(config);
    const void* place = std::visit([](auto* value) -> const void* { return value; }, slot);
    EXPECT_TRUE(places.insert(place).second) << path_of(setting);
  }
}

TEST(BuiltinUpstreams, have_their_usual_addresses) {
  EXPECT_EQ(usual_url("docker.io"), "https://registry-1.docker.io");
  EXPECT_EQ(usual_url("registry.example:5000"), "https://registry.example:5000");
  EXPECT_EQ(builtin_upstreams().size(), 7U);
}

}  // namespace
}  // namespace lifeboat::server
