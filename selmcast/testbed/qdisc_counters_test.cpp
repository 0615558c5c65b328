#include "selmcast/testbed/qdisc_counters.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <string_view>
#include <vector>

namespace selmcast::testbed {
namespace {

using Buffer = std::vector<std::byte>;

void append(Buffer& buffer, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  buffer.insert(buffer.end(), bytes, bytes + size);
  buffer.resize(NLMSG_ALIGN(buffer.size()));
}

void append_attribute(Buffer& buffer, std::uint16_t type, const void* data, std::size_t size) {
  const rtattr header{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
  append(buffer, &header, sizeof header);
  append(buffer, data, size);
}

void append_message(Buffer& buffer, std::uint16_t type, const Buffer& body) {
  const nlmsghdr header{static_cast<std::uint32_t>(NLMSG_LENGTH(body.size())), type, 0, 0, 0};
  append(buffer, &header, sizeof header);
  append(buffer, body.data(), body.size());
}

Buffer qdisc(std::string_view kind, std::uint32_t handle, const tc_stats& stats) {
  Buffer body;
  tcmsg about{};
  about.tcm_handle = handle << 16;
  append(body, &about, sizeof about);
  append_attribute(body, TCA_KIND, std::string(kind).c_str(), kind.size() + 1);
  append_attribute(body, TCA_STATS, &stats, sizeof stats);
  return body;
}

TEST(QdiscDump, ShapersAreReadByTheirHandlesAndOthersLeftOut) {
  tc_stats stats{};
  stats.bytes = 5'000'000'000;
  stats.packets = 7;
  stats.drops = 2;
  stats.backlog = 1514;
  Buffer datagram;
  append_message(datagram, RTM_NEWQDISC, qdisc("noqueue", 0, {}));
  append_message(datagram, RTM_NEWQDISC, qdisc("tbf", 0x10, stats));
  ShaperCounters counters;
  EXPECT_EQ(read_qdisc_dump(datagram, counters), false);
  Buffer end;
  append_message(end, NLMSG_DONE, Buffer(4));
  EXPECT_EQ(read_qdisc_dump(end, counters), true);
  ASSERT_EQ(counters.size(), 1U);
  EXPECT_EQ(counters.at(16), (QdiscCounters{Bytes(5'000'000'000), 7, 2, Bytes(1514)}));
}

TEST(QdiscDump, CutOffAnywhereItIsRefusedAndNothingElseHappens) {
  Buffer datagram;
  append_message(datagram, RTM_NEWQDISC, qdisc("tbf", 1, {}));
  for (std::size_t size = 1; size < datagram.size(); ++size) {
    ShaperCounters counters;
    const Buffer cut(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(read_qdisc_dump(cut, counters).has_value()) << size;
  }
}

TEST(QdiscDump, AnErrorIsAnError) {
  Buffer datagram;
  append_message(datagram, NLMSG_ERROR, Buffer(sizeof(nlmsgerr)));
  ShaperCounters counters;
  EXPECT_FALSE(read_qdisc_dump(datagram, counters).has_value());
}

}  // namespace
}  // namespace selmcast::testbed
