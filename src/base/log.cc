#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>

#include "base/time.h"

namespace lifeboat {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "error";
}

void append_escaped(std::string& out, std::string_view value) {
  static constexpr char kLetters[] = "0123456789abcdef";
  out.push_back('"');
  for (const char letter : value) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out.append({'\\', letter});
    } else if (letter == '\n') {
      out.append("\\n");
    } else if (code < 0x20 || code == 0x7f) {
      out.append("\\u00").append({kLetters[code >> 4U], kLetters[code & 15U]});
    } else {
      out.push_back(letter);
    }
  }
  out.push_back('"');
}

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char letter : value) {
    const auto code = static_cast<unsigned char>(letter);
    if (code <= 0x20 || code == 0x7f || letter == '"' || letter == '=' || letter == '\\') return false;
  }
  return true;
}

void append_text(std::string& line, const LogField& field) {
  line.append(" ").append(field.key).append("=");
  if (is_plain(field.value)) {
    line.append(field.value);
  } else {
    append_escaped(line, field.value);
  }
}

void append_json(std::string& line, const LogField& field) {
  line.append(",\"").append(field.key).append("\":");
  if (field.is_number) {
    line.append(field.value);
  } else {
    append_escaped(line, field.value);
  }
}

}  // namespace

struct Log::State {
  spdlog::logger out{"lifeboat", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  std::atomic<LogLevel> level;
  std::atomic<LogFormat> format;
};

Log::Log(LogOptions options) : state_(std::make_unique<State>()) {
  state_->out.set_pattern("%v");
  state_->out.set_level(spdlog::level::trace);
  state_->out.flush_on(spdlog::level::trace);
  set_options(options);
}
Log::~Log() = default;

void Log::set_options(LogOptions options) {
  state_->level = options.level;
  state_->format = options.format;
}

bool Log::is_enabled(LogLevel level) const { return level >= state_->level.load(std::memory_order_relaxed); }

void Log::debug(std::string_view event, std::initializer_list<LogField> fields) {
  write(LogLevel::debug, event, fields);
}
void Log::info(std::string_view event, std::initializer_list<LogField> fields) { write(LogLevel::info, event, fields); }
void Log::warning(std::string_view event, std::initializer_list<LogField> fields) {
  write(LogLevel::warning, event, fields);
}
void Log::error(std::string_view event, std::initializer_list<LogField> fields) {
  write(LogLevel::error, event, fields);
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!is_enabled(level)) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  std::string line;
  if (state_->format.load(std::memory_order_relaxed) == LogFormat::json) {
    line.append("{\"time\":\"").append(to_rfc3339(now)).append("\",\"level\":\"").append(name_of(level));
    line.append("\",\"event\":");
    append_escaped(line, event);
    for (const LogField& field : fields) append_json(line, field);
    line.push_back('}');
  } else {
    line.append(to_rfc3339(now)).append(" ").append(name_of(level)).append(" ");
    line.append(event);
    for (const LogField& field : fields) append_text(line, field);
  }
  state_->out.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace lifeboat
