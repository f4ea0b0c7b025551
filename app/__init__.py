"""The dashboard: a question in the URL, the plan beside its baseline, everything downloadable.

    state (question, URL) -> answers (cached plans) -> tables -> charts -> views

Only `main`, `widgets`, `panels` and `views` talk to Streamlit's screen; the rest is plain functions of records.
"""
