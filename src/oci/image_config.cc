#include "oci/image_config.h"

#include <nlohmann/json.hpp>
#include <string>

namespace lifeboat::oci {
namespace {

using nlohmann::json;

constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";

/// Of the top alone, and of it what is asked for: history and environment are not built.
class TopFields {
 public:
  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      const auto& key = parsed.get_ref<const std::string&>();
      is_wanted_ = key == "os" || key == "architecture" || key == "variant";
      return is_wanted_;
    }
    return depth == 0 || (depth == 1 && is_wanted_);
  }

 private:
  bool is_wanted_ = false;
};

Result<std::string> text_at(const json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return fail(ErrorCode::invalid, std::string("cannot read image config: '") + key + "' is of the wrong kind (got " +
                                      found->type_name() + ", want a text)");
}

}  // namespace

bool is_image_config(const MediaType& type) {
  return type.to_string() == kOciConfig || type.to_string() == kDockerConfig;
}

Result<std::optional<Platform>> platform_of_config(std::string_view text) {
  const json config = json::parse(text, TopFields(), false);
  if (!config.is_object()) return fail(ErrorCode::invalid, "cannot read image config: it is no JSON object");
  Platform platform;
  LB_TRY(platform.os, text_at(config, "os"));
  LB_TRY(platform.architecture, text_at(config, "architecture"));
  LB_TRY(platform.variant, text_at(config, "variant"));
  if (platform.os.empty() && platform.architecture.empty()) return std::nullopt;
  return platform;
}

}  // namespace lifeboat::oci
