"""One HTML file to look at and to listen to: of a recording, a `.hyt` file, results of `bench run`, or a corpus.

The page needs nothing but itself. What it shows is gathered here as JSON; how it is drawn is in the `.html`, `.css` and
`.js` files beside this module.
"""

from hybrid_tok.report.corpus import corpus_page as corpus_page
from hybrid_tok.report.page import Page as Page
from hybrid_tok.report.page import render as render
from hybrid_tok.report.page import write_page as write_page
from hybrid_tok.report.recording import file_page as file_page
from hybrid_tok.report.recording import recording_page as recording_page
from hybrid_tok.report.results import ReportError as ReportError
from hybrid_tok.report.results import read_json as read_json
from hybrid_tok.report.results import results_page as results_page
