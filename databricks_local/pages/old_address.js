// Databricks's older addresses of jobs and runs, which MLflow's page still makes: no server sees what stands behind `#`.
"use strict";

const place = location.hash.match(/^#job\/(\d+)(?:\/run\/(\d+))?$/);
if (place) {
    location.replace(`/jobs/${place[1]}` + (place[2] ? `/runs/${place[2]}` : ""));
}
