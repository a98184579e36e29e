# How every part of the house is built: warnings, sanitizers, and the one way to declare a folder.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)

# Not CMake's -O3: a third less code, in memory and to compile, and no request that is measurably slower.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_library(house INTERFACE)
target_include_directories(house INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(house INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wconversion -Wsign-conversion -Wnull-dereference -Wformat=2 -fno-strict-aliasing -ffunction-sections -fdata-sections)
target_compile_definitions(house INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_DISABLE_VISIBILITY SPDLOG_FMT_EXTERNAL SPDLOG_NO_EXCEPTIONS)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees null where there is none in inlined library code, calls coroutine frames uninitialised and deleted by a
  # stranger, and sees overlapping copies in std::string's operator+.
  target_compile_options(house INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict
    -Wno-mismatched-new-delete)
endif()

set(LIFEBOAT_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")
if(LIFEBOAT_SANITIZE)
  # -O1 and line tables only: the tests run long enough, and the build takes half the time.
  target_compile_options(house INTERFACE -O1 -g1 -fsanitize=${LIFEBOAT_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(house INTERFACE -fsanitize=${LIFEBOAT_SANITIZE})
  if(LIFEBOAT_SANITIZE MATCHES "undefined")
    target_compile_options(house INTERFACE -fno-sanitize=function)
    target_link_options(house INTERFACE -fno-sanitize=function)
  endif()
endif()
if(LIFEBOAT_FUZZ)
  target_compile_options(house INTERFACE -fsanitize=fuzzer-no-link)
endif()

# house_folder(NAME SOURCES … USES …): one folder under src/ = one static library `lifeboat_NAME`.
function(house_folder name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(lifeboat_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(lifeboat_${name} PUBLIC house PRIVATE Threads::Threads)
  foreach(used IN LISTS ARG_USES)
    if(TARGET lifeboat_${used} OR EXISTS ${PROJECT_SOURCE_DIR}/src/${used}/CMakeLists.txt)
      target_link_libraries(lifeboat_${name} PUBLIC lifeboat_${used})
    else()
      target_link_libraries(lifeboat_${name} PUBLIC ${used})
    endif()
  endforeach()
endfunction()

# house_test(NAME SOURCES … USES …): unit tests of one folder, one executable, one entry of CTest.
function(house_test name)
  if(NOT LIFEBOAT_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  set(libraries ${ARG_USES})
  list(TRANSFORM libraries PREPEND lifeboat_)
  target_link_libraries(${name}_test PRIVATE house ${libraries} GTest::gtest GTest::gtest_main)
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})
  add_test(NAME unit.${name} COMMAND ${name}_test)
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()

# house_fuzz(NAME SOURCE USES …): a libFuzzer target `fuzz_NAME` where LIFEBOAT_FUZZ is on.
function(house_fuzz name source)
  if(NOT LIFEBOAT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  add_executable(fuzz_${name} ${source})
  set(libraries ${ARG_USES})
  list(TRANSFORM libraries PREPEND lifeboat_)
  target_link_libraries(fuzz_${name} PRIVATE house ${libraries})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()

if(LIFEBOAT_TESTS)
  find_package(GTest REQUIRED)
endif()
