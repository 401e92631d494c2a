/* Every length from 0 to 16384 bytes, every provider, every cipher and mode. Minutes, because portable C is slow. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "contract.h"

ParameterizedTestParameters(contract_full, every_length)
{
    return cr_make_param_array(contract_case, contract_cases, CONTRACT_CASES);
}

ParameterizedTest(contract_case *which, contract_full, every_length)
{
    contract_lengths(which, 0, HF_PLAINTEXT_MAX, 1, false);
}
