// One sentence under each picture that says what is seen, from the numbers of the run at hand.
//
// Pure. Plain text: whoever puts it on a page escapes it.
#pragma once

#include <string>

#include "selmcast/cli/report/run_record.h"
#include "selmcast/cli/report/summary.h"

namespace selmcast::report {

// Position in metrics(); requires a known key.
std::size_t metric_index(std::string_view key);

std::string accuracy_caption(const Summary& summary);
std::string synchronisation_caption(const Summary& summary);
std::string prediction_caption(const Summary& summary);
std::string link_use_caption(const RunFolder& folder, const Summary& summary);
std::string learning_caption(const RunFolder& folder);
std::string utilisation_caption(const Summary& summary);
std::string staleness_caption(const Summary& summary);
std::string drops_caption(const Summary& summary);
std::string plans_caption();

}  // namespace selmcast::report
