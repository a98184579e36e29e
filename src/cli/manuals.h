#pragma once

#include <string>
#include <string_view>

/// The manuals: each is the .md beside its command, built in.
namespace lifeboat::cli {

std::string_view lifeboat_manual();
std::string_view serve_manual();
std::string_view status_manual();
std::string_view explain_manual();
std::string_view prefetch_manual();
std::string_view verify_manual();
std::string_view copy_manual();
std::string_view fsck_manual();
std::string_view adopt_manual();
std::string_view export_manual();
std::string_view archive_manual();
std::string_view gc_manual();
std::string_view prune_manual();
std::string_view tag_manual();
std::string_view scrub_manual();
std::string_view config_manual();
std::string_view version_manual();

/// A manual as a terminal shows it: without the marks of Markdown.
std::string plain_text(std::string_view markdown);

}  // namespace lifeboat::cli
