# Databricks notebook source
# MAGIC %md
# MAGIC # Load the rides
# MAGIC
# MAGIC One row per ride, as the docks report it. What counts as a ride is decided in `bikes/rides.py`.

# COMMAND ----------

import pandas as pd
from bikes.rides import clean

# COMMAND ----------

# DBTITLE 1,Read and clean
reported = pd.read_csv("data/rides.csv", parse_dates=["started_at", "ended_at"])
rides = clean(reported)
print(f"{len(reported)} rides reported, {len(reported) - len(rides)} dropped")

# COMMAND ----------

# DBTITLE 1,Save as tables
weather = pd.read_csv("data/weather.csv", parse_dates=["day"])
spark.sql("CREATE SCHEMA IF NOT EXISTS bikes")
spark.createDataFrame(rides).write.mode("overwrite").saveAsTable("bikes.rides")
spark.createDataFrame(weather).write.mode("overwrite").saveAsTable("bikes.weather")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT start_station, count(*) AS rides, round(avg(minutes), 1) AS minutes
# MAGIC FROM bikes.rides
# MAGIC GROUP BY start_station
# MAGIC ORDER BY rides DESC
