// Which bug is planted in the copies that plant.py makes of the cores. None at first. Thread rule: one thread.
#pragma once

#include <string_view>

bool planted(std::string_view bug);
void plant(std::string_view bug);  // instead of the one before
