/** What a query may ask of strangers' machines. Every limit is checked while parsing, with the place where it was passed. */

/** UTF-8 bytes of the whole query. */
export const MAX_QUERY_BYTES = 1000
export const MAX_TOKENS = 400
/** Parentheses and NOTs inside one another. */
export const MAX_DEPTH = 16
/** Comparisons, IN, BETWEEN, LIKE, IS NULL and bare attributes in WHERE. */
export const MAX_PREDICATES = 32
/** Different aggregates in SELECT and ORDER BY together. */
export const MAX_AGGREGATES = 16
/** Values in one IN (...). */
export const MAX_IN_LIST = 64
export const MAX_COLUMNS = 32
export const MAX_GROUP_KEYS = 8
export const MAX_ORDER_KEYS = 8
/** Different attributes in the whole query: one bit each in a partial result. */
export const MAX_QUERY_ATTRIBUTES = 32
/** The largest LIMIT, and the one that a query for rows has when it states none. */
export const MAX_LIMIT = 1000
