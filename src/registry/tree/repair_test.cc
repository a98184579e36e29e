#include "registry/tree/repair.h"

#include <gtest/gtest.h>

#include "sys/disk_beneath.h"
#include "test/support/code_of.h"
#include "test/support/scripted_inspector.h"
#include "test/support/tree.h"

namespace lifeboat::registry {
namespace {

namespace fs = std::filesystem;
using test::code_of;
using test::DistributionFiles;
using test::sha256_of;

Finding finding_of(FindingKind kind, LinkKind link, Lacks lacks, std::string_view content = "x",
                   Severity severity = Severity::broken) {
  Finding finding{.kind = kind, .severity = severity, .repository = "a", .link = link};
  finding.digest = sha256_of(content);
  finding.lacks = lacks;
  return finding;
}

std::string text_of(const std::vector<RepairStep>& steps) {
  std::string text;
  for (const RepairStep& step : steps) {
    text.append(step.kind == RepairStep::Kind::fetch ? "fetch" : "link");
    text.append(step.link == LinkKind::manifest ? " manifest; " : " blob; ");
  }
  return text;
}

TEST(RepairPlan, does_what_brings_a_name_back_and_no_more) {
  using enum FindingKind;
  using enum TreeKind;
  constexpr LinkKind kBlob = LinkKind::blob;
  constexpr LinkKind kManifest = LinkKind::manifest;
  Finding nameless{.kind = FindingKind::tag_without_link, .repository = "a"};
  struct {
    const char* name;
    TreeKind kind;
    std::vector<Finding> findings;
    const char* alone;  ///< what can be done without another registry
    const char* with;
  } const rows[] = {
      {"a lost link", distribution, {finding_of(missing_layer, kBlob, Lacks::link)}, "link blob; ", "link blob; "},
      {"a lost link of a child",
       distribution,
       {finding_of(missing_child, kManifest, Lacks::link)},
       "link manifest; ",
       "link manifest; "},
      {"an empty link", distribution, {finding_of(bad_link, kBlob, Lacks::link)}, "link blob; ", "link blob; "},
      {"lost bytes", distribution, {finding_of(missing_layer, kBlob, Lacks::bytes)}, "", "fetch blob; "},
      {"both", distribution, {finding_of(missing_config, kBlob, Lacks::both)}, "", "fetch blob; link blob; "},
      {"wrong bytes", distribution, {finding_of(wrong_digest, kBlob, Lacks::nothing)}, "", "fetch blob; "},
      {"too few bytes", distribution, {finding_of(wrong_size, kManifest, Lacks::nothing)}, "", "fetch manifest; "},
      {"the same bytes in two repositories",
       distribution,
       {finding_of(missing_layer, kBlob, Lacks::bytes), finding_of(missing_layer, kBlob, Lacks::bytes)},
       "",
       "fetch blob; "},
      {"the link last",
       distribution,
       {finding_of(missing_layer, kBlob, Lacks::link, "x"), finding_of(missing_layer, kBlob, Lacks::bytes, "y")},
       "link blob; ",
       "fetch blob; link blob; "},
      {"what nothing suffers from",
       distribution,
       {finding_of(orphan_link, kBlob, Lacks::bytes, "x", Severity::untidy)},
       "",
       ""},
      {"a tag of which nobody knows where it pointed", distribution, {nameless}, "", ""},
      {"a document that is none", distribution, {finding_of(malformed_manifest, kManifest, Lacks::nothing)}, "", ""},
      {"a layout's bytes", oci_layout, {finding_of(missing_layer, kBlob, Lacks::bytes)}, "", "fetch blob; "},
      {"a row without bytes", lifeboat, {finding_of(row_without_bytes, kBlob, Lacks::bytes)}, "", "fetch blob; "},
      {"no row", lifeboat, {finding_of(missing_layer, kBlob, Lacks::link)}, "", ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(text_of(plan_repair(row.kind, row.findings, false)), row.alone) << row.name << ", alone";
    EXPECT_EQ(text_of(plan_repair(row.kind, row.findings, true)), row.with) << row.name << ", with another registry";
  }
}

class TreeRepairTest : public testing::Test {
 protected:
  TreeRepairTest() {
    tree_.push("a", image_, "1");
    open_.emplace(open_tree(tree_.root(), std::nullopt, *files_).value());
    repairer_.emplace(TreeRepair::Parts{*files_, *sharing_}, *open_);
  }
  std::size_t broken() {
    const auto report = check(*open_, {.now = WallTime::max()}, [](const auto&) {});
    return report.value().findings.size();
  }
  RepairStep step(LinkKind link, const std::string& bytes) const {
    return {.repository = "a", .link = link, .digest = sha256_of(bytes)};
  }

  const DistributionFiles tree_;
  const test::Image image_ = test::image_of("image", 1);
  const std::unique_ptr<sys::FileSystem> files_ = sys::make_posix_file_system();
  const std::unique_ptr<sys::FileSharing> sharing_ = sys::make_posix_file_sharing();
  std::optional<OpenTree> open_;
  std::optional<TreeRepair> repairer_;
};

TEST_F(TreeRepairTest, restores_links_so_that_nothing_is_broken_any_more) {
  fs::remove_all(tree_.layer("a", sha256_of(image_.layers[0])).parent_path());
  fs::remove_all(tree_.revision("a", sha256_of(image_.manifest)).parent_path());
  ASSERT_GT(broken(), 0U);
  ASSERT_TRUE(repairer_->restore_link(step(LinkKind::blob, image_.layers[0])));
  ASSERT_TRUE(repairer_->restore_link(step(LinkKind::manifest, image_.manifest)));
  EXPECT_EQ(broken(), 0U);
}

TEST_F(TreeRepairTest, makes_no_link_to_bytes_that_are_others) {
  const fs::path link = tree_.layer("a", sha256_of(image_.layers[0]));
  fs::remove(link);
  std::string bytes = image_.layers[0];
  bytes.back() ^= 1;
  DistributionFiles::write(tree_.blob(sha256_of(image_.layers[0])), bytes);
  EXPECT_EQ(code_of(repairer_->restore_link(step(LinkKind::blob, image_.layers[0]))), "corrupt");
  EXPECT_FALSE(fs::exists(link));
}

TEST_F(TreeRepairTest, keeps_fetched_bytes_only_when_they_are_the_right_ones) {
  const std::string& layer = image_.layers[0];
  const fs::path blob = tree_.blob(sha256_of(layer));
  fs::remove_all(blob.parent_path());
  {
    const auto filling = repairer_->fill(sha256_of(layer)).value();
    ASSERT_TRUE(filling->append(as_bytes("other bytes")));
    EXPECT_EQ(code_of(filling->finish()), "corrupt");
  }
  EXPECT_TRUE(fs::is_empty(blob.parent_path())) << "nothing half-made stays";
  const auto filling = repairer_->fill(sha256_of(layer)).value();
  ASSERT_TRUE(filling->append(as_bytes(layer).first(10)));
  ASSERT_TRUE(filling->append(as_bytes(layer).subspan(10)));
  EXPECT_FALSE(fs::exists(blob)) << "no name before all is there";
  ASSERT_TRUE(filling->finish());
  EXPECT_EQ(broken(), 0U);
}

TEST_F(TreeRepairTest, changes_no_file_that_was_put_in_the_place_of_the_one_it_writes) {
  const std::string& layer = image_.layers[0];
  const fs::path blob = tree_.blob(sha256_of(layer));
  const fs::path victim = tree_.root() / "victim";
  DistributionFiles::write(victim, "secret");
  fs::permissions(victim, fs::perms::none);
  fs::remove(blob);
  const auto filling = repairer_->fill(sha256_of(layer)).value();
  ASSERT_TRUE(filling->append(as_bytes(layer)));
  const fs::path fresh = blob.native() + ".lifeboat-new";
  ASSERT_TRUE(fs::remove(fresh)) << "the test must know the name under which the file comes to be";
  fs::create_symlink(victim, fresh);
  (void)filling->finish();
  EXPECT_EQ(fs::status(victim).permissions(), fs::perms::none);
}

TEST_F(TreeRepairTest, goes_on_where_one_was_cut_off) {
  const std::string& layer = image_.layers[0];
  const fs::path blob = tree_.blob(sha256_of(layer));
  fs::remove(blob);
  DistributionFiles::write(blob.native() + ".lifeboat-new", "half");
  const auto filling = repairer_->fill(sha256_of(layer)).value();
  ASSERT_TRUE(filling->append(as_bytes(layer)));
  ASSERT_TRUE(filling->finish());
  EXPECT_EQ(broken(), 0U);
  EXPECT_FALSE(fs::exists(blob.native() + ".lifeboat-new"));
}

TEST_F(TreeRepairTest, repairs_what_comes_to_light_when_a_link_is_back) {
  const std::string index = test::index_of({{image_.manifest, "linux/amd64"}});
  tree_.push_manifest("a", index, "index");
  fs::remove_all(tree_.tag("a", "1").parent_path().parent_path());
  fs::remove_all(tree_.root() / "repositories/a/_layers");
  fs::remove_all(tree_.revision("a", sha256_of(image_.manifest)).parent_path());
  const CheckOptions options{.now = WallTime::max()};
  const auto quiet = [](const auto&) {};
  auto outcome = repair(*repairer_, *open_, check(*open_, options, quiet).value(), options, {}, quiet).value();
  EXPECT_EQ(outcome.done.size(), 3U) << "the child, then its config and layer";
  EXPECT_TRUE(outcome.failed.empty());
  EXPECT_TRUE(outcome.after.findings.empty());
}

TEST_F(TreeRepairTest, brings_a_blob_that_a_link_looks_for_elsewhere_under_its_own_name) {
  const test::Image image = tree_.push_by_sha512("a", "512");
  const std::string& layer = image.layers[0];
  const oci::Digest named = DistributionFiles::sha512_of(layer);
  const std::string other(layer.size(), 'o');
  tree_.push_blob("a", other);
  DistributionFiles::write(tree_.layer("a", named), sha256_of(other).to_string());
  const CheckOptions options{.is_deep = true, .now = WallTime::max()};
  const auto quiet = [](const auto&) {};
  const FetchStep fetch = [&](const RepairStep& step, TreeRepair& repairer) -> Status {
    EXPECT_EQ(*step.digest, named);
    LB_TRY(const auto filling, repairer.fill(*step.digest));
    LB_CHECK(filling->append(as_bytes(layer)));
    return filling->finish();
  };
  auto outcome = repair(*repairer_, *open_, check(*open_, options, quiet).value(), options, fetch, quiet).value();
  EXPECT_TRUE(outcome.failed.empty());
  EXPECT_TRUE(outcome.after.findings.empty()) << outcome.after.findings[0].detail;
  EXPECT_EQ(fs::file_size(tree_.blob(named)), layer.size());
  std::ifstream in(tree_.blob(sha256_of(other)), std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), other) << "what the link led to belongs to others";
}

TEST_F(TreeRepairTest, tries_once_what_nobody_has) {
  fs::remove(tree_.blob(sha256_of(image_.config)));
  const CheckOptions options{.now = WallTime::max()};
  const auto quiet = [](const auto&) {};
  int asked = 0;
  const FetchStep fetch = [&](const RepairStep&, TreeRepair&) -> Status {
    ++asked;
    return fail(ErrorCode::not_found, "it has none");
  };
  auto outcome = repair(*repairer_, *open_, check(*open_, options, quiet).value(), options, fetch, quiet).value();
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(outcome.failed.size(), 1U);
  EXPECT_EQ(outcome.failed[0].reason.message(), "it has none");
  EXPECT_EQ(outcome.after.totals.names_broken, 1U);
}

/// A tree that leads out of itself: what is below one of its folders is really somebody else's.
class LeadingOutTest : public testing::Test {
 protected:
  LeadingOutTest() { tree_.push("a", image_, "1"); }
  void lead_out(const fs::path& folder) {
    fs::rename(folder, outside());
    fs::create_directory_symlink(outside(), folder);
  }
  fs::path outside() const { return elsewhere_.path() / "outside"; }
  std::vector<Finding> found() {
    OpenTree open = open_tree(tree_.root(), std::nullopt, *disk_.files).value();
    return check(open, {.is_deep = true, .now = WallTime::max()}, [](const auto&) {}).value().findings;
  }

  const DistributionFiles tree_;
  const test::TemporaryDirectory elsewhere_;
  const test::Image image_ = test::image_of("image", 1);
  const sys::DiskBeneath disk_ = sys::make_disk_beneath(tree_.root());
};

TEST_F(LeadingOutTest, a_sound_tree_is_sound) { EXPECT_TRUE(found().empty()); }

TEST_F(LeadingOutTest, what_is_behind_a_link_is_unreadable_and_not_believed) {
  lead_out(tree_.blob(sha256_of(image_.layers[0])).parent_path());
  const auto findings = found();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, FindingKind::unreadable);
  EXPECT_EQ(findings[0].breaks, std::vector<std::string>{"a:1"});
  EXPECT_TRUE(findings[0].detail.contains("symbolic link")) << findings[0].detail;
}

TEST_F(LeadingOutTest, all_of_a_tree_s_content_behind_a_link_is_no_reason_to_give_up) {
  lead_out(tree_.root() / "blobs/sha256");
  for (const Finding& finding : found()) EXPECT_EQ(finding.kind, FindingKind::unreadable) << finding.detail;
}

TEST_F(LeadingOutTest, a_repair_writes_nothing_where_a_link_leads) {
  const fs::path link = tree_.layer("a", sha256_of(image_.layers[0]));
  lead_out(link.parent_path().parent_path());
  fs::remove(outside() / sha256_of(image_.layers[0]).hex() / "link");
  OpenTree open = open_tree(tree_.root(), std::nullopt, *disk_.files).value();
  TreeRepair repairer({*disk_.files, *disk_.sharing}, open);
  const RepairStep step{.repository = "a", .link = LinkKind::blob, .digest = sha256_of(image_.layers[0])};
  EXPECT_EQ(code_of(repairer.restore_link(step)), "invalid");
  EXPECT_TRUE(fs::is_empty(outside() / sha256_of(image_.layers[0]).hex()));
}

class FetchIntoTest : public TreeRepairTest {
 protected:
  FetchIntoTest() {
    asked_.push("there", image_, "1");
    fs::remove_all(tree_.blob(sha256_of(layer_)).parent_path());
    fs::remove_all(tree_.blob(sha256_of(image_.manifest)).parent_path());
  }
  Status fetch(RepairStep step, const std::string& bytes) {
    step.kind = RepairStep::Kind::fetch;
    step.size_bytes = bytes.size();
    return test::run(
        fetch_into(test::a_call(), asked_, oci::Repository::parse("there").value(), std::move(step), *repairer_));
  }
  bool is_anything_there(const std::string& bytes) const {
    return fs::exists(tree_.blob(sha256_of(bytes)).parent_path()) &&
           !fs::is_empty(tree_.blob(sha256_of(bytes)).parent_path());
  }

  const std::string layer_ = image_.layers[0];
  test::ScriptedInspector asked_;
};

TEST_F(FetchIntoTest, brings_a_blob_and_a_manifest) {
  ASSERT_TRUE(fetch(step(LinkKind::blob, layer_), layer_));
  ASSERT_TRUE(fetch(step(LinkKind::manifest, image_.manifest), image_.manifest));
  EXPECT_EQ(broken(), 0U);
}

TEST_F(FetchIntoTest, takes_no_more_of_a_body_than_the_manifest_says) {
  auto& thing = asked_.blob_of("there", layer_);
  thing.bytes += std::string(100'000, 'x');
  thing.is_length_told = false;
  int blocks = 0;
  thing.on_block = [&blocks] { ++blocks; };
  EXPECT_EQ(code_of(fetch(step(LinkKind::blob, layer_), layer_)), "corrupt");
  EXPECT_LT(blocks, 10) << "it was read on";
  EXPECT_FALSE(is_anything_there(layer_)) << "nothing half-made stays";
}

TEST_F(FetchIntoTest, makes_nothing_for_what_announces_more_than_the_manifest_says) {
  asked_.blob_of("there", layer_).announced = layer_.size() + 1;
  EXPECT_EQ(code_of(fetch(step(LinkKind::blob, layer_), layer_)), "corrupt");
  EXPECT_FALSE(fs::exists(tree_.blob(sha256_of(layer_)).parent_path()));
}

TEST_F(FetchIntoTest, makes_nothing_for_a_manifest_that_is_too_long) {
  asked_.manifest_of("there", image_.manifest).is_too_long = true;
  EXPECT_EQ(code_of(fetch(step(LinkKind::manifest, image_.manifest), image_.manifest)), "corrupt");
  EXPECT_FALSE(fs::exists(tree_.blob(sha256_of(image_.manifest)).parent_path()));
}

TEST_F(FetchIntoTest, knows_from_the_check_how_much_may_come) {
  const CheckOptions options{.now = WallTime::max()};
  fs::remove_all(tree_.tag("a", "1").parent_path().parent_path());
  tree_.push_manifest("a", image_.manifest, "1");
  const auto report = check(*open_, options, [](const auto&) {}).value();
  const auto steps = plan_repair(TreeKind::distribution, report.findings, true);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].size_bytes, layer_.size());
}

}  // namespace
}  // namespace lifeboat::registry
