# Databricks notebook source
# MAGIC %md
# MAGIC # Forecast the rides of tomorrow
# MAGIC
# MAGIC A Poisson regression on weekend, temperature and rain. The last four days are kept aside to judge it.

# COMMAND ----------

import mlflow
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_absolute_error

FEATURES = ["weekend", "temperature_c", "rain_mm"]
DAYS_KEPT_ASIDE = 4

# COMMAND ----------

# DBTITLE 1,Split by time
days = spark.table("bikes.daily_demand").orderBy("day").toPandas()
past, recent = days[:-DAYS_KEPT_ASIDE], days[-DAYS_KEPT_ASIDE:]

# COMMAND ----------

# DBTITLE 1,Train and judge
with mlflow.start_run(run_name="poisson"):
    model = PoissonRegressor(alpha=0.1).fit(past[FEATURES], past["rides"])
    error = mean_absolute_error(recent["rides"], model.predict(recent[FEATURES]))
    baseline = mean_absolute_error(recent["rides"], [past["rides"].mean()] * len(recent))
    mlflow.log_params({"alpha": 0.1, "features": ",".join(FEATURES)})
    mlflow.log_metrics({"mae": error, "mae_of_the_mean": baseline})
    mlflow.sklearn.log_model(model, "model")

print(f"off by {error:.1f} rides per day; the mean of the past is off by {baseline:.1f}")
