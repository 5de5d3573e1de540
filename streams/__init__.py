"""The pipeline, in six arrows.

    feeds --fetch--> news.articles --detect--> news.tagged (every article), news.hits (watches),
                                               news.ledger (reports, decisions, ticks)
    news.ledger --merge--> news.incidents, news.outcomes, news.alerts
    news.alerts --deliver--> rooms, news.deliveries
    anything unreadable --> news.dead-letters

Exports nothing; each role is a module of that name.
"""
