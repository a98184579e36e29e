#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "registry/archive/index.h"
#include "sys/process.h"

/// Loading an archive into a container engine, by the engine's own command.
namespace lifeboat::cli {

enum class Engine { containerd, docker, podman };

struct ImportOptions {
  Engine engine = Engine::containerd;
  std::string address{};              ///< containerd's socket; "": as ctr finds it
  std::string name_space = "k8s.io";  ///< of containerd; the kubelet sees this one alone
  bool is_pinned = false;             ///< of containerd: the kubelet does not remove it
};

/// What an engine was seen to have afterwards.
struct Imported {
  std::string name;
  std::string digest;  ///< as the engine says; "" when it says none
};

using RunProgram = std::function<Result<sys::ProcessResult>(const sys::ProcessRequest&)>;

/// Loads the plain archive `path`, and then asks the engine for each of its names. containerd gets each tag also as
/// NAME@DIGEST, by which pods may ask. unavailable: the engine's command is not installed, or does not reach it; its
/// own words are told; corrupt: it has a name with another digest now.
Result<std::vector<Imported>> import_archive(const std::string& path,
                                             const std::vector<registry::archive::Entry>& entries,
                                             const ImportOptions& options, const RunProgram& run);

}  // namespace lifeboat::cli
