#pragma once

// Private to the HTTP client: the one header of the house that sees libcurl.

#include <curl/curl.h>

#include "base/error.h"

namespace lifeboat::sys {

/// The functions of libcurl that are used, found with dlopen(3) when the first request goes out. Linking it would cost
/// every start 7 ms and 4 MiB, and would make a machine without the library unable to serve what it holds.
struct CurlLibrary {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_pause) easy_pause = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
  decltype(&::curl_multi_init) multi_init = nullptr;
  decltype(&::curl_multi_cleanup) multi_cleanup = nullptr;
  decltype(&::curl_multi_setopt) multi_setopt = nullptr;
  decltype(&::curl_multi_add_handle) multi_add_handle = nullptr;
  decltype(&::curl_multi_remove_handle) multi_remove_handle = nullptr;
  decltype(&::curl_multi_perform) multi_perform = nullptr;
  decltype(&::curl_multi_poll) multi_poll = nullptr;
  decltype(&::curl_multi_wakeup) multi_wakeup = nullptr;
  decltype(&::curl_multi_info_read) multi_info_read = nullptr;

  /// Opens the library `name` for good: it is never closed, as it cannot be unloaded safely. unavailable when it is not
  /// installed or is too old.
  static Result<CurlLibrary> open(const char* name = "libcurl.so.4");
};

}  // namespace lifeboat::sys
