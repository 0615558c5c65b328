// StateStore on SQLite. Tables: `training` (key, value: settings as JSON, token, address) and `inputs` (one row each;
// `body` is a FromWorker of control.proto, or text).
#include <sqlite3.h>
#include <sys/stat.h>

#include <bit>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "selmcast/base/overloaded.h"
#include "selmcast/manager/journal_json.h"
#include "selmcast/manager/state_store.h"
#include "selmcast/wire/control.pb.h"
#include "selmcast/wire/control_codec.h"

namespace selmcast::manager {
namespace {

constexpr int kSchema = 1;

// The kinds of rows. Numbers are of the file format: never reused.
enum class Row { opened = 1, message = 2, lost = 3, time = 4, stopped = 5, restarted = 6 };

class Statement {
 public:
  Statement(sqlite3* base, const char* sql) { sqlite3_prepare_v2(base, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int place, std::int64_t value) {
    sqlite3_bind_int64(statement_, place, value);
    return *this;
  }
  Statement& bind(int place, double value) {
    sqlite3_bind_double(statement_, place, value);
    return *this;
  }
  Statement& bind(int place, const char* text) {
    sqlite3_bind_text(statement_, place, text, -1, SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(int place, const std::string& bytes) {
    sqlite3_bind_blob64(statement_, place, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    return *this;
  }
  bool row() { return sqlite3_step(statement_) == SQLITE_ROW; }
  bool done() {
    const bool good = sqlite3_step(statement_) == SQLITE_DONE;
    sqlite3_reset(statement_);
    return good;
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  std::string bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return data == nullptr
               ? std::string()
               : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  void again() { sqlite3_reset(statement_); }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

class SqliteStore final : public StateStore {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {}
  ~SqliteStore() override {
    append_.reset();
    sqlite3_close(base_);
  }

  Result<void> open() {
    if (sqlite3_open(path_.c_str(), &base_) != SQLITE_OK) return failed("cannot be opened");
    sqlite3_busy_timeout(base_, 1000);
    // An exclusive lock from the first access on: one manager a store.
    if (!run("PRAGMA locking_mode=EXCLUSIVE")) return failed("cannot be used");
    if (auto ours = nobody_elses(); !ours) return ours;
    if (!run("PRAGMA journal_mode=WAL") || !run("PRAGMA synchronous=NORMAL") || !run("BEGIN IMMEDIATE"))
      return failed("cannot be used: does another manager run with it?");
    chmod(path_.c_str(), 0600);  // it holds the run's token
    const bool good =
        run("CREATE TABLE IF NOT EXISTS training (key TEXT PRIMARY KEY, value)") &&
        run("CREATE TABLE IF NOT EXISTS inputs (number INTEGER PRIMARY KEY, at REAL, wall REAL, kind "
            "INTEGER, session INTEGER, heard INTEGER, body BLOB)") &&
        run("COMMIT");
    if (!good) return failed("is no state of a manager, or cannot be written");
    append_.emplace(base_,
                    "INSERT INTO inputs (at, wall, kind, session, heard, body) VALUES (?, ?, ?, ?, ?, ?)");
    Statement schema(base_, "SELECT value FROM training WHERE key = 'schema'");
    has_training_ = schema.row();
    if (has_training_ && schema.integer(0) != kSchema)
      return failed("has schema " + std::to_string(schema.integer(0)) + ": use the release that wrote it");
    Statement last(base_, "SELECT wall FROM inputs ORDER BY number DESC LIMIT 1");
    if (last.row()) last_wall_ = last.real(0);
    return {};
  }

  bool has_training() const override { return has_training_; }
  double last_wall() const override { return last_wall_; }

  Result<void> begin(const Training& training) override {
    const auto put = [&](const char* key, const auto& value) {
      Statement insert(base_, "INSERT INTO training (key, value) VALUES (?, ?)");
      return insert.bind(1, key).bind(2, value).done();
    };
    const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
    const bool good = run("BEGIN") && put("settings", settings_json(training.settings).dump()) &&
                      put("run_token", integer(training.settings.run_token)) &&
                      put("created", training.created.in_seconds()) && put("host", training.host) &&
                      put("port", integer(training.port)) && put("schema", integer(kSchema)) && run("COMMIT");
    if (!good) return failed("cannot be written: is the disk full?");
    has_training_ = true;
    return {};
  }

  Result<Training> training() override {
    Training training;
    const auto get = [&](const char* key, auto read) {
      Statement select(base_, "SELECT value FROM training WHERE key = ?");
      select.bind(1, key);
      if (select.row()) read(select);
    };
    std::string settings;
    get("settings", [&](Statement& row) { settings = row.bytes(0); });
    const auto json = nlohmann::json::parse(settings, nullptr, false);
    if (json.is_discarded()) return failed("does not say which training it is of");
    try {
      auto read = settings_from(json);
      if (!read) return std::unexpected(with_context(path_, read.error()));
      training.settings = *std::move(read);
    } catch (const nlohmann::json::exception& error) {
      return failed(error.what());
    }
    get("run_token",
        [&](Statement& row) { training.settings.run_token = static_cast<std::uint64_t>(row.integer(0)); });
    get("created", [&](Statement& row) { training.created = Instant::at_seconds(row.real(0)); });
    get("host", [&](Statement& row) { training.host = row.bytes(0); });
    get("port", [&](Statement& row) { training.port = static_cast<std::uint16_t>(row.integer(0)); });
    return training;
  }

  Result<void> append(const Input& input, double wall) override {
    Row kind = Row::time;
    std::uint64_t session = 0, heard = 0;
    std::string body;
    std::visit(
        Overloaded{
            [&](const SessionOpened& it) { kind = Row::opened, session = it.session.value(); },
            [&](const MessageCame& it) {
              kind = Row::message, session = it.session.value(), heard = it.heard;
              body = wire::encode(it.message).SerializeAsString();
            },
            [&](const SessionLost& it) { kind = Row::lost, session = it.session.value(), body = it.why; },
            [&](const TimePassed&) {},
            [&](const Stopped& it) { kind = Row::stopped, body = it.why; },
            [&](const ManagerRestarted& it) {
              kind = Row::restarted, session = it.epoch;
              heard = std::bit_cast<std::uint64_t>(it.away.in_seconds());  // to the last bit
            },
        },
        input.what);
    const bool good = append_->bind(1, input.at.in_seconds())
                          .bind(2, wall)
                          .bind(3, static_cast<std::int64_t>(kind))
                          .bind(4, static_cast<std::int64_t>(session))
                          .bind(5, static_cast<std::int64_t>(heard))
                          .bind(6, body)
                          .done();
    if (!good) return failed("cannot be written: is the disk full?");
    last_wall_ = wall;
    return {};
  }

  Result<void> for_each_input(const std::function<Result<void>(const Input&)>& each) override {
    Statement rows(base_, "SELECT at, kind, session, heard, body FROM inputs ORDER BY number");
    for (std::uint64_t number = 1; rows.row(); ++number) {
      const auto input = read(rows);
      if (!input) return std::unexpected(with_context("input " + std::to_string(number), input.error()));
      if (auto good = each(*input); !good) return good;
    }
    return {};
  }

 private:
  Result<Input> read(const Statement& row) const {
    Input input{Instant::at_seconds(row.real(0)), TimePassed{}};
    const auto number = static_cast<std::uint64_t>(row.integer(2));
    const SessionId session(number);
    std::string body = row.bytes(4);
    switch (static_cast<Row>(row.integer(1))) {
      case Row::opened: input.what = SessionOpened{session}; return input;
      case Row::lost: input.what = SessionLost{session, std::move(body)}; return input;
      case Row::time: return input;
      case Row::stopped: input.what = Stopped{std::move(body)}; return input;
      case Row::restarted:
        input.what = ManagerRestarted{number, Duration::seconds(std::bit_cast<double>(row.integer(3)))};
        return input;
      case Row::message: {
        wire::pb::FromWorker bytes;
        if (!bytes.ParseFromString(body)) return failed("has a message that does not parse");
        auto message = wire::decode(bytes);
        if (!message) return std::unexpected(with_context(path_, message.error()));
        input.what = MessageCame{session, *std::move(message), static_cast<std::uint64_t>(row.integer(3))};
        return input;
      }
    }
    return failed("has a row of unknown kind: use the release that wrote it");
  }

  bool run(const char* sql) { return sqlite3_exec(base_, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }
  // Before anything is written: a file of another program stays as it is.
  Result<void> nobody_elses() {
    Statement others(
        base_,
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT IN ('training', 'inputs')");
    if (!others.row()) {
      return failed(sqlite3_errcode(base_) == SQLITE_NOTADB
                        ? "is no state of a manager: name another file"
                        : "cannot be used: does another manager run with it?");
    }
    if (others.integer(0) == 0) return {};
    return failure(ErrorCode::io,
                   "the state " + path_ + " is a database of another program: name another file");
  }

  std::unexpected<Error> failed(const std::string& what) const {
    return failure(ErrorCode::io, "the state " + path_ + " " + what + " (" + sqlite3_errmsg(base_) + ")");
  }

  std::string path_;
  sqlite3* base_ = nullptr;
  std::optional<Statement> append_;
  bool has_training_ = false;
  double last_wall_ = 0;
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_sqlite_store(const std::filesystem::path& path) {
  auto store = std::make_unique<SqliteStore>(path.string());
  if (auto opened = store->open(); !opened) return std::unexpected(opened.error());
  return store;
}

}  // namespace selmcast::manager
