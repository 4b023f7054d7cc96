#include "agents/engage/feedback/feedback_sql.h"

#include "agents/engage/feedback/feedback.h"

const struct stmt feedback_sql[FEEDBACK_STMTS] = {
    [EVENTS_OF_MESSAGES] = { "feedback_events_of_messages", "ttii", "itb",
                             "SELECT event_time, type, data FROM lead_event WHERE workspace = $1"
                             " AND lead_id = $2 AND event_time > $3 AND type IN ('message.delivered',"
                             " 'message.opened', 'message.clicked', 'message.replied', 'message.bounced')"
                             " ORDER BY event_time DESC LIMIT $4",
                             NULL, NULL },
};

const struct stmt_table feedback_statements = { feedback_sql, FEEDBACK_STMTS };
