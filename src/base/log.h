#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace lifeboat {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
};

/// One `key=value` of a log line.
struct LogField {
  std::string_view key;
  std::string value;
  bool is_number = false;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  template <std::integral T>
  LogField(std::string_view k, T v) : key(k), value(std::to_string(v)), is_number(true) {}
};

/// One event, one line, on standard error: time, level, event, then the fields; as `key=value` or as JSON.
/// All methods may be called from any thread. Values are escaped; a caller never logs secrets or query strings.
class Log {
 public:
  explicit Log(LogOptions options = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void debug(std::string_view event, std::initializer_list<LogField> fields = {});
  void info(std::string_view event, std::initializer_list<LogField> fields = {});
  void warning(std::string_view event, std::initializer_list<LogField> fields = {});
  void error(std::string_view event, std::initializer_list<LogField> fields = {});

  bool is_enabled(LogLevel level) const;
  /// Takes effect for the next line (SIGHUP).
  void set_options(LogOptions options);

 private:
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lifeboat
