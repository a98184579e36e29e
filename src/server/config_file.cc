#include "server/config_file.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_UNDEF_MACROS 1
#include <toml++/toml.h>

#include <algorithm>
#include <map>

#include "server/toml_text.h"

namespace lifeboat::server {
namespace {

class Reader {
 public:
  Reader(std::string_view name, Problems& problems) : name_(name), problems_(problems) {}

  std::vector<Assignment> read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      if (key.str() == kUpstreamSection) {
        read_upstreams(node, key);
      } else if (const toml::table* section = node.as_table(); section != nullptr && key.str() != kEndpointSection) {
        // Also for a section without a key, so that an unknown one is found.
        declare(std::string(key.str()), {}, at(key.source()));
        for (const auto& [inner, value] : *section) add(key.str(), inner, value, {});
      } else {
        add("", key, node, {});
      }
    }
    std::vector<Assignment> in_order;
    in_order.reserve(found_.size());
    for (auto& [line, assignment] : found_) in_order.push_back(std::move(assignment));
    return in_order;
  }

  Origin at(const toml::source_region& region) const { return at_line(region.begin.line); }
  Origin at_line(unsigned line) const {
    return {
        .kind = Origin::Kind::file, .where = std::string(name_).append(":").append(std::to_string(line)), .line = line};
  }

 private:
  void read_upstreams(const toml::node& node, const toml::key& key) {
    const toml::array* list = node.as_array();
    if (list == nullptr || !all_tables(*list)) {
      problems_.add(at(key.source()), "cannot set 'upstream': it is of the wrong type (got " + name_of(node) +
                                          ", want one [[upstream]] for each)");
      return;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      const toml::node& entry = *list->get(i);
      declare(std::string(kUpstreamSection), {.upstream = i}, at(entry.source()));
      for (const auto& [inner, value] : *entry.as_table()) {
        if (inner.str() == kEndpointsKey) {
          read_endpoints(value, inner, i);
        } else {
          add(kUpstreamSection, inner, value, {.upstream = i});
        }
      }
    }
  }

  void read_endpoints(const toml::node& node, const toml::key& key, std::size_t upstream) {
    const toml::array* list = node.as_array();
    if (list == nullptr || !all_tables(*list)) {
      problems_.add(at(key.source()), "cannot set 'upstream.endpoints': it is of the wrong type (got " + name_of(node) +
                                          ", want for example [{ url = \"https://registry.example\" }])");
      return;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      const UpstreamIndex index{.upstream = upstream, .endpoint = i};
      declare(std::string(kEndpointSection), index, at(list->get(i)->source()));
      for (const auto& [inner, value] : *list->get(i)->as_table()) add(kEndpointSection, inner, value, index);
    }
  }

  static bool all_tables(const toml::array& list) {
    return std::ranges::all_of(list, [](const toml::node& node) { return node.is_table(); });
  }

  void declare(std::string section, UpstreamIndex index, Origin origin) {
    keep({.section = std::move(section), .key = {}, .index = index, .value = {}, .origin = std::move(origin)});
  }

  void add(std::string_view section, const toml::key& key, const toml::node& value, UpstreamIndex index) {
    keep({.section = std::string(section),
          .key = std::string(key.str()),
          .index = index,
          .value = value_of(value),
          .origin = at(key.source())});
  }

  void keep(Assignment assignment) {
    const unsigned line = assignment.origin.line;
    found_.emplace(line, std::move(assignment));
  }

  static GivenValue value_of(const toml::node& node) {
    using Kind = GivenValue::Kind;
    if (const auto* text = node.as_string()) return {.kind = Kind::string, .text = text->get()};
    if (const auto* number = node.as_integer()) return {.kind = Kind::integer, .text = std::to_string(number->get())};
    if (const auto* flag = node.as_boolean()) return {.kind = Kind::boolean, .text = flag->get() ? "true" : "false"};
    return {.kind = Kind::other, .text = name_of(node)};
  }

  static std::string name_of(const toml::node& node) {
    switch (node.type()) {
      case toml::node_type::table: return "a section";
      case toml::node_type::array: return "a list";
      case toml::node_type::string: return "a text";
      case toml::node_type::integer: return "a number";
      case toml::node_type::floating_point: return "a fraction";
      case toml::node_type::boolean: return "true or false";
      default: return "a date or time";
    }
  }

  std::string_view name_;
  Problems& problems_;
  std::multimap<unsigned, Assignment> found_;  // by line: the library sorts keys by name
};

}  // namespace

std::vector<Assignment> parse_config_file(std::string_view name, std::string_view text, Problems& problems) {
  Reader reader(name, problems);
  if (const auto line = find_misplaced_letter(text)) {
    problems.add(reader.at_line(*line), "cannot read it as TOML: a letter beyond ASCII outside of quotes");
    return {};
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    constexpr std::string_view kPrefix = "Error while parsing ";
    std::string_view reason = parsed.error().description();
    if (reason.starts_with(kPrefix)) reason.remove_prefix(kPrefix.size());
    problems.add(reader.at(parsed.error().source()), std::string("cannot read it as TOML: ").append(reason));
    return {};
  }
  return reader.read(parsed.table());
}

}  // namespace lifeboat::server
