# How every target of this project is compiled, and the two functions that declare one.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(SELMCAST_CCACHE ccache)
if(SELMCAST_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SELMCAST_CCACHE})
endif()
find_program(SELMCAST_MOLD mold)
if(SELMCAST_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Our own code only: generated and third-party code is not held to our warnings.
add_library(selmcast_options INTERFACE)
target_compile_options(selmcast_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow>  # files compiled as one may shadow each other's names
  -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  # g++ 12 at -O2 takes the unused alternatives of a std::variant that is moved for uninitialised.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_include_directories(selmcast_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

if(SELMCAST_SANITIZE)
  add_compile_options(-fsanitize=${SELMCAST_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SELMCAST_SANITIZE})
  if(SELMCAST_SANITIZE MATCHES "address")
    # Half of the time to compile, for what AddressSanitizer finds as well (a null pointer's use, the wrong object, what
    # lies beyond it), and for alignment, which no machine of ours minds: checks at every use of a pointer. The parsers'
    # targets of scripts/fuzz.sh have them all.
    add_compile_options(-fno-sanitize=null,object-size,vptr,alignment,pointer-overflow)
  endif()
  if(SELMCAST_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's headers have fences, of which g++ warns that ThreadSanitizer does not model them; its mutexes it does.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(SELMCAST_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

# selmcast_layer(base SOURCES a.cpp ... USES plan sync ... LIBS Threads::Threads ...)
# One static library a layer; USES names the layers it may include.
function(selmcast_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBS" ${ARGN})
  if(ARG_SOURCES)
    add_library(selmcast_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(selmcast_${name} PRIVATE $<BUILD_INTERFACE:selmcast_options>)
  else()
    add_library(selmcast_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(selmcast_${name} ${scope}
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(selmcast_${name} ${scope} cxx_std_23)
  foreach(used IN LISTS ARG_USES)
    target_link_libraries(selmcast_${name} ${scope} selmcast_${used})
  endforeach()
  if(ARG_LIBS)
    target_link_libraries(selmcast_${name} ${scope} ${ARG_LIBS})
  endif()
endfunction()

# selmcast_computes(plan)
# A layer whose arithmetic counts: in a release build -O3, which is a tenth faster here (the rest would only grow), and
# the same bits on machines that could fuse a multiplication with an addition. Nobody looks at floating-point
# exceptions, and as long as somebody might, g++ vectorizes no loop in which a division is chosen or not.
function(selmcast_computes name)
  target_compile_options(selmcast_${name} PRIVATE -ffp-contract=off -fno-trapping-math
    # g++ 12 at -O3 takes the parts of a string that is put together for overlapping.
    $<$<CONFIG:Release>:-O3> $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>)
endfunction()

# For folders whose files include Asio. It picks its allocator by what was included before it: without this, what one
# file allocates with aligned_alloc() another one of the same program gives to operator delete, which AddressSanitizer
# rightly refuses.
macro(selmcast_uses_asio)
  add_compile_definitions(ASIO_DISABLE_STD_ALIGNED_ALLOC)
endmacro()

# Up to twelve files are compiled as one: by CMAKE_UNITY_BUILD (the presets asan and tsan) all, by SELMCAST_UNITY
# (release) those of tests, commands and benches, which are small beside the headers that they include.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)

# For a folder of commands or benches.
macro(selmcast_together)
  if(SELMCAST_UNITY)
    set(CMAKE_UNITY_BUILD ON)
  endif()
endmacro()

# selmcast_apart(a.cpp b_test.cpp ...)
# Never compiled as one with others: their unnamed namespaces say what those of others do.
macro(selmcast_apart)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endmacro()

# The tests labelled "threads": all that ThreadSanitizer can say something about.
add_custom_target(threaded_tests)

# selmcast_test(plan_test SOURCES a_test.cpp ... USES plan [LABELS slow])
# One binary for a folder's unit tests; every TEST becomes a ctest test with a generous watchdog. Those of whole
# programs, which take longest, begin first (COST), so that none is left to run alone in the end.
function(selmcast_test name)
  cmake_parse_arguments(ARG "" "COST;TIMEOUT" "SOURCES;USES;LIBS;LABELS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_COST)
    set(ARG_COST 1)
    if(ARG_LABELS MATCHES "system|testbed")
      set(ARG_COST 100)
    endif()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE selmcast_options GTest::gmock GTest::gtest_main ${ARG_LIBS})
  if(NOT SELMCAST_COVERAGE)
    target_compile_options(${name} PRIVATE -Og)  # half as long to compile; what is tested keeps its own
  endif()
  if(SELMCAST_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON)
  endif()
  foreach(used IN LISTS ARG_USES)
    target_link_libraries(${name} PRIVATE selmcast_${used})
  endforeach()
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(threaded_tests ${name})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} COST ${ARG_COST})
  # Set apart, because gtest_discover_tests() takes a list of labels for properties of their own.
  set(labels unit ${ARG_LABELS})
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake
    "set_tests_properties(\${${name}_TESTS} PROPERTIES LABELS \"${labels}\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
endfunction()
