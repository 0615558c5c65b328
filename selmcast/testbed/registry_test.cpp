#include "selmcast/testbed/registry.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace selmcast::testbed {
namespace {

TEST(Registration, SurvivesItsFile) {
  Registration mine = owned_by_us("default");
  mine.description.hosts = {{"w0", net::LinkRate::megabits_per_second(10), net::LinkRate::unlimited()}};
  mine.description.round_trip = Duration::milliseconds(80);
  const auto read = registration_from_json(to_json(mine));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->name, "default");
  EXPECT_EQ(read->id, std::to_string(getpid()));
  EXPECT_EQ(read->owner_started, mine.owner_started);
  EXPECT_EQ(read->description.hosts, mine.description.hosts);
  EXPECT_EQ(read->description.round_trip, mine.description.round_trip);
  EXPECT_FALSE(registration_from_json("{\"name\": 1}").has_value());
  EXPECT_FALSE(registration_from_json("").has_value());
  // Counts that no int holds (found by scripts/fuzz.sh files).
  const std::string owner = "\"owner\":" + std::to_string(mine.owner);
  for (const char* other : {"2992111111111111111111111111111117", "-1", "1.5", "2147483648"}) {
    std::string file = to_json(mine);
    file.replace(file.find(owner), owner.size(), std::string("\"owner\":") + other);
    EXPECT_FALSE(registration_from_json(file).has_value()) << other;
  }
}

TEST(Registration, IsDeadWithItsOwnerUnlessItStands) {
  Registration mine = owned_by_us("default");
  EXPECT_FALSE(is_dead(mine));
  // The same id, started at another time, is another process.
  mine.owner_started += "1";
  EXPECT_TRUE(is_dead(mine));
  mine.standing = true;
  EXPECT_FALSE(is_dead(mine));
}

}  // namespace
}  // namespace selmcast::testbed
