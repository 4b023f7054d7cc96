/* country.h: the countries by their ISO 3166-1 alpha-2 codes. */
#ifndef BASE_COUNTRY_H
#define BASE_COUNTRY_H

#include "base/base.h"

C_BEGIN

/* True for one of the 249 assigned codes, in upper case. Codes that are reserved or left to users (UK, XK)
 * are none. */
bool country_known(struct str code);

C_END
#endif
