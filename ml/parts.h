/* parts.h: the inside of a model: what training makes, the file holds and scoring reads. Only rooms inside
 * ml/ include this. */
#ifndef ML_PARTS_H
#define ML_PARTS_H

#include "ml/booster.h"
#include "ml/forest.h"
#include "ml/linear.h"
#include "ml/shap.h"
#include "ml/stack.h"
#include "ml/view.h"

C_BEGIN

#define PARTS_MEMBERS_MAX 32u

enum member_kind { MEMBER_FOREST = 1, MEMBER_LINEAR = 2, MEMBER_FOREIGN = 3 };

struct member {
    uint32_t kind;
    double weight; /* in the stacked margin; never negative */
    struct forest forest;
    struct linear linear;
    struct str foreign_json; /* a booster only XGBoost can serve */
    void *foreign;           /* opened */
    struct shap shap;        /* of a forest, by column, weighted */
};

struct model_parts {
    struct view view;
    struct member *members;
    uint32_t n_members;
    double bias;
    struct calibration calibration;
    struct conformal at90, at95;
    struct str name, xgboost_version, report, data;
    int64_t created_us;
    uint64_t train_rows, train_positives;
};

struct model {
    int refs;
    struct arena arena;
    struct model_parts parts;
    struct model_info info;
    unsigned char digest[MODEL_DIGEST_BYTES];
    const struct model_foreign *foreign;
    double base; /* of explanations */
};

C_END
#endif
